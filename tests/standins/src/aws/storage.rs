//! Amazon S3's own operations (`aws s3api`), and the objects behind `aws s3`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::args::Call;
use super::not_implemented;
use crate::outcome::{Answer, Failure};
use crate::world::World;

const BUCKET: &str = "s3.bucket";
const OBJECT: &str = "s3.object";

/// Refuses buckets that are not there, with S3's two ways to say so.
pub(super) fn check_bucket(world: &World, bucket: &str, head: bool) -> Result<(), Failure> {
    if world.get(BUCKET, "-", bucket).is_some() {
        return Ok(());
    }
    Err(if head {
        Failure::service("404", "Not Found")
    } else {
        Failure::service("NoSuchBucket", "The specified bucket does not exist")
    })
}

/// The keys and sizes below a prefix.
pub(super) fn keys(world: &World, bucket: &str, prefix: &str) -> Vec<(String, u64)> {
    let start = format!("{bucket}/");
    let all = world.list(OBJECT, "-").into_iter();
    all.filter_map(|(id, v)| {
        let key = id.strip_prefix(&start)?.to_owned();
        let size = v.get("ContentLength").and_then(Value::as_u64).unwrap_or(0);
        key.starts_with(prefix).then_some((key, size))
    })
    .collect()
}

/// Writes an object. The bytes live in a file of their own beside the world.
pub(crate) fn write(
    world: &mut World,
    bucket: &str,
    key: &str,
    body: &[u8],
) -> Result<(), Failure> {
    let broken =
        |e: std::io::Error| Failure::Tool(format!("cannot store s3://{bucket}/{key}: {e}"));
    let folder = world.dir().join("objects");
    fs::create_dir_all(&folder).map_err(broken)?;
    let file = format!("{}", world.count("objects"));
    fs::write(folder.join(&file), body).map_err(broken)?;
    let value = json!({"ContentLength": body.len(), "ETag": "\"0\"", "_file": file});
    world.put(OBJECT, "-", &format!("{bucket}/{key}"), value);
    Ok(())
}

/// Reads an object.
pub(crate) fn read(world: &World, bucket: &str, key: &str) -> Option<Vec<u8>> {
    let object = world.get(OBJECT, "-", &format!("{bucket}/{key}"))?;
    let file = object.get("_file").and_then(Value::as_str)?;
    fs::read(world.dir().join("objects").join(file)).ok()
}

/// Removes an object; true when it was there.
pub(super) fn remove(world: &mut World, bucket: &str, key: &str) -> bool {
    world.remove(OBJECT, "-", &format!("{bucket}/{key}")).is_some()
}

/// Splits `s3://bucket/key`.
pub(crate) fn split(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("s3://")?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then_some((bucket, key))
}

/// Handles `s3api`.
pub(super) fn act(world: &mut World, call: &Call) -> Answer {
    let bucket = call.text("Bucket").to_owned();
    let key = call.text("Key").to_owned();
    let owner = call.text("ExpectedBucketOwner");
    if call.operation == "create-bucket" {
        return create(world, call, &bucket);
    }
    check_bucket(world, &bucket, call.operation.starts_with("head-"))?;
    if !owner.is_empty() && owner != world.account() {
        return Err(Failure::service("AccessDenied", "Access Denied"));
    }
    match call.operation.as_str() {
        "head-bucket" => {
            let region = world.get(BUCKET, "-", &bucket).and_then(|b| b.get("BucketRegion"));
            Ok(json!({"BucketRegion": region}))
        }
        "get-bucket-location" => {
            let region = world.get(BUCKET, "-", &bucket).and_then(|b| b.get("BucketRegion"));
            let region = region.filter(|r| *r != "us-east-1");
            Ok(json!({"LocationConstraint": region}))
        }
        "delete-bucket" => {
            if !keys(world, &bucket, "").is_empty() {
                return Err(Failure::service(
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty",
                ));
            }
            world.remove(BUCKET, "-", &bucket);
            Ok(json!({}))
        }
        "put-object" => {
            let body = match call.text("Body") {
                "" => Vec::new(),
                path => {
                    fs::read(path).map_err(|e| Failure::usage(format!("--body {path}: {e}")))?
                }
            };
            write(world, &bucket, &key, &body)?;
            Ok(json!({"ETag": "\"0\""}))
        }
        "head-object" => {
            let object = world.get(OBJECT, "-", &format!("{bucket}/{key}")).cloned();
            object.ok_or_else(|| Failure::service("404", "Not Found"))
        }
        "get-object" => {
            let body = read(world, &bucket, &key).ok_or_else(|| {
                Failure::service("NoSuchKey", "The specified key does not exist.")
            })?;
            let outfile = call.outfile.as_deref().unwrap_or_default();
            fs::write(Path::new(outfile), &body)
                .map_err(|e| Failure::usage(format!("{outfile}: {e}")))?;
            Ok(json!({"ContentLength": body.len()}))
        }
        "delete-object" => {
            remove(world, &bucket, &key);
            Ok(json!({}))
        }
        "delete-objects" => {
            let wanted = call.value("Delete");
            let objects = wanted.get("Objects").and_then(Value::as_array);
            let keys = objects.into_iter().flatten().filter_map(|o| o.get("Key")?.as_str());
            for key in keys {
                remove(world, &bucket, key);
            }
            Ok(json!({}))
        }
        "list-objects-v2" => {
            let found = keys(world, &bucket, call.text("Prefix"));
            if found.is_empty() {
                return Ok(json!({"RequestCharged": null, "KeyCount": 0}));
            }
            let list: Vec<Value> =
                found.iter().map(|(k, size)| json!({"Key": k, "Size": size})).collect();
            Ok(json!({"Contents": list, "KeyCount": list.len(), "IsTruncated": false}))
        }
        "get-bucket-tagging" => {
            let tags = world.get(BUCKET, "-", &bucket).and_then(|b| b.get("TagSet")).cloned();
            tags.map(|tags| json!({"TagSet": tags}))
                .ok_or_else(|| Failure::service("NoSuchTagSet", "The TagSet does not exist"))
        }
        "put-bucket-tagging" => {
            let tags = call.value("Tagging").get("TagSet").cloned();
            if let Some(Value::Object(bucket)) = world.get_mut(BUCKET, "-", &bucket) {
                bucket.insert("TagSet".to_owned(), tags.unwrap_or_default());
            }
            Ok(json!({}))
        }
        "put-bucket-encryption"
        | "put-public-access-block"
        | "put-bucket-policy"
        | "put-bucket-lifecycle-configuration" => Ok(json!({})),
        _ => not_implemented(call),
    }
}

fn create(world: &mut World, call: &Call, bucket: &str) -> Answer {
    let region = call.region()?;
    let asked = call.value("CreateBucketConfiguration");
    let asked = asked.get("LocationConstraint").and_then(Value::as_str);
    if asked == Some("us-east-1") || (asked.is_none() && region != "us-east-1") {
        return Err(Failure::service(
            "IllegalLocationConstraintException",
            "The unspecified location constraint is incompatible for the region specific endpoint \
             this request was sent to.",
        ));
    }
    let valid = bucket.len() >= 3
        && bucket.len() <= 63
        && bucket.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c));
    if !valid {
        return Err(Failure::service("InvalidBucketName", "The specified bucket is not valid."));
    }
    if world.get(BUCKET, "-", bucket).is_some() {
        return Err(Failure::service(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
        ));
    }
    world.put(BUCKET, "-", bucket, json!({"Name": bucket, "BucketRegion": region}));
    Ok(json!({"Location": format!("/{bucket}")}))
}
