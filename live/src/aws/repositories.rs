//! Images in the private registries of ECR, asked through its API: of one's own account, of AWS's, of whoever lets
//! others read.
//!
//! One image takes at most [`SHARE`] requests: its manifest, that of one platform, the address of its configuration and
//! the configuration; or, where there is no such image, up to [`PAGES`] pages of tags. The configuration is on S3, at an
//! address that is signed already: it is fetched without credentials, and the address is told nowhere.

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use mcc_catalogs::{Ask, Errand, Files, ImageUri, Inspected, Region, ResourcesFile, Table};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::actions::{BATCH_GET_IMAGE, DESCRIBE_IMAGES, GET_LAYER};
use super::call::Call;
use super::client::{Answer, Aws, Refused};
use super::layers::may_be_fetched;
use super::owned::{stranger, whole};
use super::service::{Partition, Service};
use super::share::{Pages, Share, Turn};
use crate::clock;
use crate::desk::minutes;
use crate::failure::Failure;
use crate::registries::inspect::{self, CONFIG_BYTES, LATEST};
use crate::registries::manifest::{self, Manifest};
use crate::registries::tags::{Tags, is_tag};
use crate::registries::{BY_DIGEST, Contents};
use crate::source::{Eyes, Fact, Source, Topic, Waiting};
use crate::web::Request;

/// Requests of an answer that one image takes at most.
const SHARE: usize = 5;
/// Pages of a thousand images whose tags are read, where one is not there.
const PAGES: usize = 3;
/// Most bytes of an answer with a manifest, which is a text in JSON: twice what ECR keeps.
const MANIFEST_BYTES: usize = 2 * manifest::MOST;

/// The private registries of ECR.
#[derive(Debug)]
pub(crate) struct Repositories {
    aws: Aws,
}

/// A repository: whose, where and its name.
#[derive(Debug)]
struct Repository<'a> {
    account: &'a str,
    region: Region,
    name: &'a str,
}

impl<'a> Repository<'a> {
    /// None for an image of another registry, and for a host that only looks like one of ECR.
    fn of(image: &'a ImageUri) -> Option<Self> {
        let (account, region) = image.ecr()?;
        let number = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let region: Region = region.parse().ok()?;
        let host = image.host()?;
        let suffix = Partition::of(&region).suffix;
        let own = ["ecr", "ecr-fips"]
            .iter()
            .any(|name| host == format!("{account}.dkr.{name}.{region}.{suffix}"));
        (number && own).then(|| Self { account, region, name: image.repository() })
    }

    /// In the words of an answer.
    fn words(&self) -> String {
        format!("Amazon ECR of account {} in {}", self.account, self.region)
    }

    /// The members that every call has, and `more`.
    fn members(&self, more: &[(&str, Value)]) -> Value {
        let own = [("registryId", self.account.into()), ("repositoryName", Value::from(self.name))];
        own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }
}

#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    failures: Vec<Unfound>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Image {
    image_id: ImageId,
    image_manifest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImageId {
    image_digest: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Unfound {
    #[serde(default)]
    failure_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    image_details: Vec<Tagged>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tagged {
    #[serde(default)]
    image_tags: Vec<String>,
}

/// Where a layer is. Whoever knows it may read the layer: it is never shown.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    download_url: String,
}

/// One look at an image.
struct Visit<'a> {
    aws: &'a Aws,
    at: &'a Repository<'a>,
    share: Share<'a>,
}

impl Visit<'_> {
    async fn call(&self, call: &Call) -> Result<Answer, Refused> {
        if !self.share.take() {
            return Err(Failure::UsedUp.into());
        }
        self.aws.call(call, self.share.errand()).await
    }

    /// The manifest of an image and its digest, to which it is held. None where ECR has no such image.
    async fn manifest(&self, id: Value) -> Result<Option<(String, Manifest)>, Refused> {
        let asked = id.get("imageDigest").and_then(Value::as_str).map(str::to_owned);
        let forms: Vec<&str> = manifest::ACCEPT.split(", ").collect();
        let members =
            self.at.members(&[("imageIds", json!([id])), ("acceptedMediaTypes", json!(forms))]);
        let call = Call::json(BATCH_GET_IMAGE, &self.at.region, members).at_most(MANIFEST_BYTES);
        let batch: Batch = match self.call(&call).await {
            Err(refused) if refused.code == "RepositoryNotFoundException" => return Ok(None),
            answer => whole(&answer?)?,
        };
        if let Some(image) = batch.images.first() {
            let own = manifest::digest(image.image_manifest.as_bytes());
            let said = image.image_id.image_digest.as_ref();
            if asked.iter().chain(said).any(|other| *other != own) {
                let why = "the manifest does not match its digest";
                return Err(Failure::Unreadable(why.to_owned()).into());
            }
            return Ok(Some((own, Manifest::of(image.image_manifest.as_bytes())?)));
        }
        match batch.failures.first().map(|unfound| unfound.failure_code.as_str()) {
            Some("ImageNotFound" | "RepositoryNotFound") => Ok(None),
            Some(code) if !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                Err(Failure::Refused(code.chars().take(64).collect()).into())
            }
            _ => Err(Failure::Unreadable(
                "it has neither an image nor a reason why there is none".to_owned(),
            )
            .into()),
        }
    }

    /// Platforms, size and configuration of a manifest. False where it is no container image.
    async fn inside(&self, found: &mut Inspected, manifest: Manifest) -> Result<bool, Failure> {
        let single = match manifest {
            Manifest::Image(single) => single,
            Manifest::Other => return Ok(false),
            Manifest::List(list) => {
                inspect::put_platforms(found, &list);
                let Some(one) = manifest::chosen(&list) else { return Ok(false) };
                let id = json!({ "imageDigest": sound(&one.digest)? });
                match self.manifest(id).await?.ok_or_else(incomplete)? {
                    (_, Manifest::Image(single)) => single,
                    (_, Manifest::List(_) | Manifest::Other) => return Ok(false),
                }
            }
        };
        found.bytes = single.bytes;
        let config = self.config(sound(&single.config.digest)?).await?;
        let contents = Contents::of(&config)
            .ok_or_else(|| Failure::Unreadable("the image's configuration".to_owned()))?;
        inspect::put_contents(found, contents);
        Ok(true)
    }

    /// The configuration of that digest.
    async fn config(&self, digest: &str) -> Result<Bytes, Failure> {
        let members = self.at.members(&[("layerDigest", digest.into())]);
        let call = Call::json(GET_LAYER, &self.at.region, members);
        let layer: Layer = whole(&self.call(&call).await?)?;
        let errand = self.share.errand();
        let asked = self.aws.place(Service::Ecr, &self.at.region, errand).await?;
        let url: Option<Url> = layer.download_url.parse().ok();
        let Some(url) = url.filter(|url| may_be_fetched(url, &self.at.region, &asked)) else {
            let why = "it redirects downloads to a host that is not AWS's";
            return Err(Failure::Refused(why.to_owned()));
        };
        if !self.share.take() {
            return Err(Failure::UsedUp);
        }
        let request = Request {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            most: CONFIG_BYTES,
        };
        let answer = self.aws.web().send(request, errand).await?;
        if answer.status != StatusCode::OK {
            return Err(Failure::Refused(format!("HTTP {}", answer.status.as_u16())));
        }
        if manifest::digest(&answer.body) != digest {
            let why = "the configuration does not match its digest";
            return Err(Failure::Unreadable(why.to_owned()));
        }
        Ok(answer.body)
    }

    /// The tags of the repository: all, or those of the first few pages.
    async fn tags(&self) -> Result<Tags, Failure> {
        let (mut tags, mut pages, mut token) = (Tags::default(), Pages::new(PAGES), None::<String>);
        loop {
            let mut more =
                vec![("maxResults", json!(1000)), ("filter", json!({ "tagStatus": "TAGGED" }))];
            more.extend(token.take().map(|token| ("nextToken", Value::from(token))));
            let call = Call::json(DESCRIBE_IMAGES, &self.at.region, self.at.members(&more));
            let page = match self.call(&call).await {
                Ok(answer) => whole::<Page>(&answer),
                Err(refused) => Err(refused.failure),
            };
            let page = match page {
                // What was read is true all the same.
                Err(_) if pages.is_begun() => {
                    tags.more = true;
                    return Ok(tags);
                }
                page => page?,
            };
            let told = page.image_details.into_iter().flat_map(|image| image.image_tags);
            tags.all.extend(told.filter(|tag| is_tag(tag)));
            match pages.turn(page.next_token) {
                Turn::Next(next) => token = Some(next),
                Turn::End => return Ok(tags),
                Turn::Unread => {
                    tags.more = true;
                    return Ok(tags);
                }
            }
        }
    }
}

fn incomplete() -> Failure {
    Failure::Refused("it does not have what its own manifest names".to_owned())
}

/// A digest that somebody else wrote, if it is one.
fn sound(digest: &str) -> Result<&str, Failure> {
    let other = || Failure::Unreadable("a digest is malformed".to_owned());
    manifest::is_digest(digest).then_some(digest).ok_or_else(other)
}

impl Repositories {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    async fn look(
        &self,
        image: &ImageUri,
        at: &Repository<'_>,
        errand: &Errand,
    ) -> Result<Fact, Failure> {
        let visit = Visit { aws: &self.aws, at, share: Share::new(errand, SHARE, 0) };
        let id = match image.digest() {
            Some(digest) => json!({ "imageDigest": digest }),
            None => json!({ "imageTag": image.tag().unwrap_or(LATEST) }),
        };
        let words = at.words();
        let mut found = inspect::unread(image);
        let (mut notes, mut partial) = (Vec::new(), false);
        match visit.manifest(id).await? {
            Some((digest, manifest)) => {
                found.digest = Some(digest);
                match visit.inside(&mut found, manifest).await {
                    Ok(true) => {}
                    Ok(false) => {
                        notes.push(format!("{words} has no container image under {image}."));
                    }
                    // That it is there is true, whatever is not known of it.
                    Err(failure) => {
                        partial = !matches!(failure, Failure::Unreadable(_));
                        notes.push(format!(
                            "{words} has {image}, but {failure}, so its contents are not known."
                        ));
                    }
                }
            }
            None => {
                found.exists = false;
                // It may be pushed at any time.
                partial = true;
                like(&visit, &mut found, &mut notes).await;
            }
        }
        let file = ResourcesFile {
            as_of: clock::date(clock::now()),
            source: words,
            images: Table::from(vec![found]),
            ..ResourcesFile::default()
        };
        Ok(Fact { files: Files::default().with(file), notes, partial })
    }
}

/// The tags that are like one that is not there.
async fn like(visit: &Visit<'_>, found: &mut Inspected, notes: &mut Vec<String>) {
    let tag = found.image.tag().or(found.image.digest().is_none().then_some(LATEST));
    let Some(tag) = tag.map(str::to_owned) else { return };
    let name = visit.at.name;
    match visit.tags().await {
        Ok(tags) => {
            found.like = tags.like(&tag);
            if tags.more {
                notes.push(format!("{name} has more tags than were read; newer ones may exist."));
            }
        }
        Err(Failure::Refused(code)) if code == "RepositoryNotFoundException" => {
            notes.push(format!("{} has no repository `{name}`.", visit.at.words()));
        }
        Err(failure) => {
            notes.push(format!("Tags of {name} are not known: {} {failure}.", visit.at.words()));
        }
    }
}

impl Source for Repositories {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Image(image) = ask else { return None };
        let holds = if image.digest().is_some() { BY_DIGEST } else { minutes(10) };
        Some(Topic { words: Repository::of(image)?.words(), holds })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let Ask::Image(image) = ask else { return Err(stranger()) };
            let at = Repository::of(image).ok_or_else(stranger)?;
            self.aws.eyes(Service::Ecr, &at.region, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let Ask::Image(image) = ask else { return Err(stranger()) };
            let at = Repository::of(image).ok_or_else(stranger)?;
            self.look(image, &at, errand).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_ecr_say_whose_and_where() {
        let of = |text: &str| {
            let image: ImageUri = text.parse().unwrap();
            Repository::of(&image).map(|at| (at.account.to_owned(), at.region, at.name.to_owned()))
        };
        for (image, region) in [
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b:1", "us-east-1"),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/a/b:1", "us-gov-west-1"),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a/b:1", "cn-north-1"),
        ] {
            let region = region.parse().unwrap();
            assert_eq!(of(image), Some(("123456789012".into(), region, "a/b".into())), "{image}");
        }
        for image in [
            "a/b:1",
            "12345.dkr.ecr.us-east-1.amazonaws.com/a:1",
            "123456789012.dkr.ecr.us-east-1.evil.example/a:1",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example/a:1",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn/a:1",
            "123456789012.dkr.ecr.us-east-1.amazonaws.com:8443/a:1",
        ] {
            assert_eq!(of(image), None, "{image}");
        }
    }
}
