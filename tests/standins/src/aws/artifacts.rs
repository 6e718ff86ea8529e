//! Amazon ECR.

use serde_json::{Value, json};

use super::args::Call;
use super::{find, not_implemented, resource};
use crate::outcome::{Answer, Failure};
use crate::world::World;

/// The kind of a repository in the world.
pub(crate) const REPOSITORY: &str = "ecr.repository";
/// The kind of an image in the world; ids are `repository:tag`.
pub(crate) const IMAGE: &str = "ecr.image";

fn missing(world: &World, name: &str) -> Failure {
    Failure::service(
        "RepositoryNotFoundException",
        format!(
            "The repository with name '{name}' does not exist in the registry with id '{}'",
            world.account()
        ),
    )
}

/// The host that images of this account are pushed to.
pub(crate) fn registry_host(account: &str, region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("{account}.dkr.ecr.{region}.{suffix}")
}

fn images_of(world: &World, region: &str, repository: &str) -> Vec<(String, Value)> {
    let prefix = format!("{repository}:");
    let all = world.list(IMAGE, region).into_iter();
    all.filter_map(|(id, v)| Some((id.strip_prefix(&prefix)?.to_owned(), v))).collect()
}

/// Handles `ecr`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let region = call.region()?.to_owned();
    let name = call.text("repositoryName").to_owned();
    match call.operation.as_str() {
        "get-login-password" => return Ok(json!("standin-login-password\n")),
        "create-repository" => return create(world, call, &region, &name),
        "list-tags-for-resource" => {
            let arn = call.text("resourceArn");
            let name = arn.split_once(":repository/").map_or("", |(_, name)| name);
            let found = find(world, REPOSITORY, &region, name, || missing(world, name))?;
            return Ok(json!({"tags": found.get("tags").cloned().unwrap_or_else(|| json!([]))}));
        }
        "describe-repositories" => {
            let wanted = call.texts("repositoryNames");
            let all = world.list(REPOSITORY, &region);
            if wanted.is_empty() {
                let list: Vec<Value> = all.into_iter().map(|(_, v)| v).collect();
                return Ok(json!({"repositories": list}));
            }
            let mut list = Vec::new();
            for name in &wanted {
                let gone = || missing(world, name);
                list.push(find(world, REPOSITORY, &region, name, gone)?.clone());
            }
            return Ok(json!({"repositories": list}));
        }
        "tag-resource" => return Ok(json!({})),
        _ => {}
    }
    if world.get(REPOSITORY, &region, &name).is_none() {
        return Err(missing(world, &name));
    }
    match call.operation.as_str() {
        "delete-repository" => {
            let images = images_of(world, &region, &name);
            if !images.is_empty() && call.value("force") != json!(true) {
                return Err(Failure::service(
                    "RepositoryNotEmptyException",
                    format!(
                        "The repository with name '{name}' cannot be deleted because it still \
                             contains images"
                    ),
                ));
            }
            for (tag, _) in images {
                world.remove(IMAGE, &region, &format!("{name}:{tag}"));
            }
            let repository = world.remove(REPOSITORY, &region, &name);
            Ok(json!({"repository": repository}))
        }
        "describe-images" => describe_images(world, call, &region, &name),
        "list-images" => {
            let images = images_of(world, &region, &name);
            let ids: Vec<Value> = images
                .into_iter()
                .map(|(tag, v)| json!({"imageTag": tag, "imageDigest": v.get("imageDigest")}))
                .collect();
            Ok(json!({"imageIds": ids}))
        }
        "batch-delete-image" => {
            let wanted = call.value("imageIds");
            let (mut gone, mut failures) = (Vec::new(), Vec::new());
            for id in wanted.as_array().into_iter().flatten() {
                let tag = id.get("imageTag").and_then(Value::as_str).unwrap_or_default();
                match world.remove(IMAGE, &region, &format!("{name}:{tag}")) {
                    Some(_) => gone.push(id.clone()),
                    None => failures.push(json!({
                        "imageId": id,
                        "failureCode": "ImageNotFound",
                        "failureReason": "Requested image not found",
                    })),
                }
            }
            Ok(json!({"imageIds": gone, "failures": failures}))
        }
        "put-lifecycle-policy" => Ok(json!({"repositoryName": name})),
        _ => not_implemented(call),
    }
}

fn create(world: &mut World, call: &Call, region: &str, name: &str) -> Answer {
    if world.get(REPOSITORY, region, name).is_some() {
        return Err(Failure::service(
            "RepositoryAlreadyExistsException",
            format!("The repository with name '{name}' already exists in the registry"),
        ));
    }
    let account = world.account();
    let value = resource(
        call,
        json!({
            "registryId": account,
            "repositoryArn": world.arn("ecr", region, &format!("repository/{name}")),
            "repositoryUri": format!("{}/{name}", registry_host(&account, region)),
        }),
    );
    world.put(REPOSITORY, region, name, value.clone());
    Ok(json!({"repository": value}))
}

fn describe_images(world: &World, call: &Call, region: &str, name: &str) -> Answer {
    let images = images_of(world, region, name);
    let wanted = call.value("imageIds");
    let Some(wanted) = wanted.as_array() else {
        let details: Vec<Value> = images.into_iter().map(|(_, v)| v).collect();
        return Ok(json!({"imageDetails": details}));
    };
    let mut details = Vec::new();
    for id in wanted {
        let found = images.iter().find(|(tag, v)| {
            id.get("imageTag") == Some(&json!(tag))
                || (id.get("imageDigest").is_some()
                    && id.get("imageDigest") == v.get("imageDigest"))
        });
        let (_, image) = found.ok_or_else(|| {
            Failure::service(
                "ImageNotFoundException",
                format!(
                    "The image with imageId {id} does not exist within the repository with name \
                     '{name}' in the registry with id '{}'",
                    world.account()
                ),
            )
        })?;
        details.push(image.clone());
    }
    Ok(json!({"imageDetails": details}))
}

/// Puts an image into a repository, as a push does.
pub(crate) fn push(world: &mut World, region: &str, repository: &str, tag: &str) -> Option<String> {
    world.get(REPOSITORY, region, repository)?;
    let serial = world.count("pushes");
    let digest = format!("sha256:{serial:064x}");
    world.put(
        IMAGE,
        region,
        &format!("{repository}:{tag}"),
        json!({
            "repositoryName": repository,
            "imageDigest": digest,
            "imageTags": [tag],
            "imageSizeInBytes": 500_000_000,
            "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "imagePushedAt": "2026-01-01T00:00:00+00:00",
        }),
    );
    Some(digest)
}

/// Whether SageMaker could pull this image: own registries must hold it, others are trusted.
pub(crate) fn check_image(world: &World, uri: &str) -> Result<(), Failure> {
    let bad = || Failure::validation(format!("Requested image {uri} not found."));
    let Some((host, path)) = uri.split_once('/') else {
        return Err(Failure::validation(format!("Invalid image URI {uri}")));
    };
    let mut parts = host.split('.');
    let (account, region) = (parts.next(), parts.nth(2));
    if account != Some(world.account().as_str()) {
        return Ok(());
    }
    let region = region.ok_or_else(bad)?;
    let (repository, found) = if let Some((repository, digest)) = path.split_once('@') {
        let images = images_of(world, region, repository);
        let same = |v: &Value| v.get("imageDigest") == Some(&json!(digest));
        (repository, images.iter().any(|(_, v)| same(v)))
    } else {
        let (repository, tag) = path.split_once(':').unwrap_or((path, "latest"));
        let id = format!("{repository}:{tag}");
        (repository, world.get(IMAGE, region, &id).is_some())
    };
    if world.get(REPOSITORY, region, repository).is_none() || !found {
        return Err(bad());
    }
    Ok(())
}
