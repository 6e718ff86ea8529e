//! Ways in which endpoints fail, by the words of their messages.

use std::collections::BTreeSet;

/// One way.
pub(super) struct Failure {
    pub(super) title: &'static str,
    /// Words of messages, in lower case; `…` stands for anything between two parts.
    pub(super) signs: &'static [&'static str],
    pub(super) cause: &'static str,
    pub(super) fix: &'static str,
    /// Inputs that the fix names.
    pub(super) inputs: &'static [&'static str],
}

/// The failures whose words are in `message`.
pub(super) fn matching(message: &str) -> Vec<&'static Failure> {
    let message = message.to_lowercase();
    FAILURES.iter().filter(|failure| failure.signs.iter().any(|sign| has(&message, sign))).collect()
}

/// The failures that have most words of `message`, where [`matching`] knows none: at least two, and the best three.
pub(super) fn like(message: &str) -> Vec<&'static Failure> {
    let message = message.to_lowercase();
    let given: BTreeSet<&str> = words(&message).collect();
    let mut scored: Vec<(usize, &Failure)> = FAILURES
        .iter()
        .filter_map(|failure| {
            let count = |sign: &&str| {
                let own: BTreeSet<&str> = words(sign).collect();
                own.intersection(&given).count()
            };
            let best = failure.signs.iter().map(count).max()?;
            (best > 1).then_some((best, failure))
        })
        .collect();
    scored.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    scored.into_iter().take(3).map(|(_, failure)| failure).collect()
}

/// The words that tell one message from another.
fn words(lower: &str) -> impl Iterator<Item = &str> {
    const COMMON: [&str; 12] = [
        "error", "failed", "with", "that", "this", "from", "your", "must", "have", "been", "than",
        "the",
    ];
    lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() > 2 && !COMMON.contains(word))
}

/// Whether the parts of `sign` follow one another in `message`.
fn has(message: &str, sign: &str) -> bool {
    let mut rest = message;
    sign.split('…').all(|part| match rest.split_once(part) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

/// One failure as a line of a list.
pub(super) fn line(failure: &Failure) -> String {
    format!("- {}: {} {}", failure.title, failure.cause, failure.fix)
}

/// All of them, as a document.
pub(super) fn document() -> String {
    let mut text = String::from("# Ways in which endpoints fail\n");
    for failure in FAILURES {
        let signs: Vec<String> = failure.signs.iter().map(|sign| format!("`{sign}`")).collect();
        text.push_str(&format!(
            "\n## {}\n\n- Says: {}\n- Cause: {}\n- Fix: {}\n",
            failure.title,
            signs.join(", "),
            failure.cause,
            failure.fix
        ));
        if !failure.inputs.is_empty() {
            text.push_str(&format!("- Inputs: {}\n", failure.inputs.join(", ")));
        }
    }
    text
}

static FAILURES: &[Failure] = &[
    Failure {
        title: "Too little GPU memory",
        signs: &["cuda out of memory", "outofmemoryerror", "cuda error: out of memory"],
        cause: "Weights, cache and what the engine needs besides are more than the GPU has.",
        fix: "Shorten maxModelLen, take a type with more memory (recommend_instance), or a quantized variant.",
        inputs: &["maxModelLen", "instanceType", "gpuMemoryUtilization", "quantization"],
    },
    Failure {
        title: "Too little memory for the context",
        signs: &[
            "larger than the maximum number of tokens",
            "kv cache is needed",
            "no available memory for the cache blocks",
        ],
        cause: "The weights fit, and a sequence of maxModelLen does not fit beside them.",
        fix: "Shorten maxModelLen, or take a type with more GPU memory (compare_instances says how long a context fits).",
        inputs: &["maxModelLen", "gpuMemoryUtilization", "tensorParallelSize", "instanceType"],
    },
    Failure {
        title: "Driver older than the image's CUDA",
        signs: &[
            "cuda driver version is insufficient",
            "system has unsupported display driver",
            "forward compatibility was attempted",
            "the nvidia driver on your system is too old",
            "error 803",
            "error 804",
        ],
        cause: "The host image has a driver from before the CUDA in the container.",
        fix: "Set the host image that recommend_image of the base-image server names.",
        inputs: &["inferenceAmiVersion", "baseImage"],
    },
    Failure {
        title: "GPU older or newer than the image",
        signs: &[
            "no kernel image is available",
            "is not compatible with the current pytorch installation",
            "bfloat16 is only supported on gpus",
        ],
        cause: "The server in the image is not compiled for this generation of GPUs, or the number format needs a newer one.",
        fix: "Take another instance family, or dtype float16 where it is about bfloat16.",
        inputs: &["instanceType", "dtype", "baseImage"],
    },
    Failure {
        title: "Heads not divisible",
        signs: &[
            "attention heads…must be divisible",
            "must be divisible by tensor parallel",
            "is not divisible by…tensor",
        ],
        cause: "The number of attention heads cannot be split over that many GPUs.",
        fix: "Set tensorParallelSize to a number that divides the heads; recommend_instance chooses one.",
        inputs: &["tensorParallelSize"],
    },
    Failure {
        title: "No access to the model",
        signs: &[
            "gatedrepoerror",
            "401 client error",
            "403 client error",
            "access to model…is restricted",
            "you are trying to access a gated repo",
        ],
        cause: "The model is gated or private, and the container has no token, or one whose owner has not agreed to the terms.",
        fix: "Agree on the model's page, store the token in Secrets Manager and give its ARN.",
        inputs: &["hfTokenArn"],
    },
    Failure {
        title: "Model cannot be fetched",
        signs: &[
            "repositorynotfounderror",
            "connection error…huggingface",
            "couldn't connect to 'https://huggingface.co'",
            "failed to resolve 'huggingface.co'",
            "max retries exceeded…huggingface",
        ],
        cause: "There is no such model or revision, or the container has no way to the internet.",
        fix: "Check name and revision; in a VPC give a NAT gateway, or serve the files from S3.",
        inputs: &["modelName", "modelRevision", "networkIsolation", "vpcSubnets"],
    },
    Failure {
        title: "The model brings code",
        signs: &["trust_remote_code", "trust-remote-code"],
        cause: "The model has Python code of its own, which is not run unless told so.",
        fix: "Read that code, pin its revision, and set trustRemoteCode.",
        inputs: &["trustRemoteCode", "modelRevision"],
    },
    Failure {
        title: "The engine does not know the model",
        signs: &[
            "model architectures…are not supported",
            "does not recognize this architecture",
            "has no…implementation",
        ],
        cause: "The engine in the image is older than the model's class, or has dropped it.",
        fix: "See describe_model for the versions that serve it, and recommend_image for an image that has one.",
        inputs: &["engineVersion", "baseImage"],
    },
    Failure {
        title: "The container was not ready in time",
        signs: &[
            "did not pass the ping health check",
            "container startup health check",
            "failed to pass health check",
        ],
        cause: "GET /ping did not answer 200 in time: the server crashed (its log says why), or is still loading.",
        fix: "Read the first error in do/logs. If there is none and the model is large, give more time.",
        inputs: &["healthCheckTimeout", "modelDownloadTimeout"],
    },
    Failure {
        title: "Disk full",
        signs: &["no space left on device"],
        cause: "Image and model are more than the storage volume holds.",
        fix: "Enlarge the volume; types with local NVMe have a size of their own.",
        inputs: &["endpointVolumeSize", "instanceType"],
    },
    Failure {
        title: "Wrong processor",
        signs: &["exec format error", "exec /…format error"],
        cause: "The image is for another processor (x86_64, arm64) than the instance's.",
        fix: "Build the image for the instance's processor, or take a type with the image's.",
        inputs: &["instanceType", "baseImage"],
    },
    Failure {
        title: "Quota",
        signs: &["resourcelimitexceeded", "account-level service limit"],
        cause: "The account may run fewer instances of this type for endpoints than were asked for, often none.",
        fix: "Ask for more in Service Quotas (the name has the type and \"for endpoint usage\"), or take another type.",
        inputs: &["instanceType", "region"],
    },
    Failure {
        title: "No capacity",
        signs: &[
            "insufficientinstancecapacity",
            "insufficient capacity",
            "unable to provision requested ml compute capacity",
        ],
        cause: "AWS has no free instance of this type in the Region at the moment.",
        fix: "Try later, another type (compare_instances) or another Region (recommend_region), or reserve capacity.",
        inputs: &["instanceType", "region", "capacityReservationArn"],
    },
    Failure {
        title: "The image cannot be pulled",
        signs: &[
            "cannotpullcontainer",
            "failed to pull",
            "repository…does not exist",
            "pull access denied",
            "requested image…not found",
        ],
        cause: "The image is not where the model says, or the role may not pull it.",
        fix: "Run do/push, and see that role and Region are those of the repository.",
        inputs: &["roleArn", "region", "baseImage"],
    },
    Failure {
        title: "Not allowed",
        signs: &["accessdenied", "is not authorized to perform", "could not assume role"],
        cause: "The role, or you, lack the right that the message names.",
        fix: "Add that one action to the role that the message names; do/deploy makes a role with what is needed if none is given.",
        inputs: &["roleArn"],
    },
    Failure {
        title: "Requests take too long",
        signs: &[
            "modelerror…timed out",
            "invocation timed out",
            "request timed out",
            "upstream timed out",
        ],
        cause: "A request to a real-time endpoint may take 60 seconds.",
        fix: "Stream or ask for fewer tokens, or use the asynchronous target, which allows an hour.",
        inputs: &["deploymentTarget", "asyncInvocationTimeout"],
    },
    Failure {
        title: "GPUs cannot speak to one another",
        signs: &["nccl error", "ncclunhandledsystemerror", "ncclsystemerror"],
        cause: "A copy that is split over GPUs failed to connect them; often the first error is another one above it.",
        fix: "Look for the first error in do/logs; try tensorParallelSize 1 on a type where the model fits one GPU.",
        inputs: &["tensorParallelSize", "instanceType"],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(message: &str) -> Vec<&'static str> {
        matching(message).iter().map(|failure| failure.title).collect()
    }

    #[test]
    fn messages_are_recognised() {
        for (message, title) in [
            (
                "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
                "Too little GPU memory",
            ),
            (
                "ValueError: The model's max seq len (40960) is larger than the maximum number of tokens that can be stored in KV cache (20000).",
                "Too little memory for the context",
            ),
            (
                "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 803: system has unsupported display driver / cuda driver combination",
                "Driver older than the image's CUDA",
            ),
            (
                "Total number of attention heads (28) must be divisible by tensor parallel size (8).",
                "Heads not divisible",
            ),
            ("huggingface_hub.errors.GatedRepoError: 401 Client Error.", "No access to the model"),
            (
                "The primary container for production variant AllTraffic did not pass the ping health check.",
                "The container was not ready in time",
            ),
            (
                "ResourceLimitExceeded: The account-level service limit 'ml.p5.48xlarge for endpoint usage' is 0 Instances",
                "Quota",
            ),
            (
                "Model architectures ['Qwen4ForCausalLM'] are not supported for now.",
                "The engine does not know the model",
            ),
        ] {
            assert!(titles(message).contains(&title), "{message}: {:?}", titles(message));
        }
        assert_eq!(titles("all is well"), Vec::<&str>::new());
        assert_eq!(titles(""), Vec::<&str>::new());
    }

    #[test]
    fn messages_in_other_words_find_those_most_like_them() {
        let titles = |message: &str| like(message).iter().map(|one| one.title).collect::<Vec<_>>();
        let found = titles("the GPU ran out of memory in cuda");
        assert_eq!(found.first(), Some(&"Too little GPU memory"), "{found:?}");
        let found = titles("kv blocks: no cache memory is available");
        assert!(found.contains(&"Too little memory for the context"), "{found:?}");
        assert!(found.len() <= 3);
        assert_eq!(titles("all is well"), Vec::<&str>::new());
        assert_eq!(titles(""), Vec::<&str>::new());
    }

    #[test]
    fn inputs_exist_and_signs_are_in_lower_case() {
        for failure in FAILURES {
            for key in failure.inputs {
                assert!(mcc_generator::field(key).is_some(), "{}: {key}", failure.title);
            }
            for sign in failure.signs {
                assert_eq!(&sign.to_lowercase(), sign);
            }
        }
    }
}
