//! What is at an S3 address: files with their sizes, and a model's `config.json`.
//!
//! S3 says where a bucket is when it is asked in another Region; then it is asked there, once, and the answer names the
//! Region. Nothing is asked that the requester would pay for: such a bucket denies.

use mcc_catalogs::{
    Ask, Errand, Files as Rows, ModelConfig, Region, ResourcesFile, S3Uri, Stored, StoredFile,
};
use serde_json::{Map, Value};

use super::actions::{GET_OBJECT, HEAD_OBJECT, LIST_OBJECTS};
use super::call::Call;
use super::client::{Answer, Aws, Refused};
use super::listing::{self, At, folder};
use super::service::Service;
use super::share::{Pages, Share, Turn};
use crate::clock;
use crate::desk::minutes;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// Requests of an answer that one address takes at most: three pages, the configuration, and a move.
const SHARE: usize = 6;
/// Pages of a thousand files that are read.
const PAGES: usize = 3;
/// Largest `config.json`, in bytes. The largest of the hub are 200 KiB.
const CONFIG: usize = 1024 * 1024;
/// Where S3 is asked first if no Region is configured.
const USUAL: &str = "us-east-1";

/// S3.
#[derive(Debug)]
pub(crate) struct Files {
    aws: Aws,
}

/// A bucket, and where it is as far as that is known.
struct Bucket<'a> {
    aws: &'a Aws,
    name: &'a str,
    /// Where it is asked.
    asked: Region,
    /// Where it said that it is.
    said: Option<Region>,
    share: Share<'a>,
}

impl Bucket<'_> {
    /// Asks where it is thought to be, and once more where it says that it is.
    async fn ask(
        &mut self,
        action: super::Action,
        method: &'static str,
        key: &str,
        query: &[(&str, &str)],
        most: usize,
    ) -> Result<Answer, Refused> {
        for _ in 0..2 {
            if !self.share.take() {
                return Err(Failure::UsedUp.into());
            }
            let call = Call::s3(action, &self.asked, method, self.name, key, query);
            let call = call.ok_or_else(|| {
                Failure::NotAsked(
                    "the key has `.` between slashes, which a URL cannot have".to_owned(),
                )
            })?;
            match self.aws.call(&call.at_most(most), self.share.errand()).await {
                Ok(answer) => {
                    let header = answer.headers.get("x-amz-bucket-region");
                    let told = header.and_then(|value| value.to_str().ok()?.parse().ok());
                    self.said = told.or_else(|| self.said.take());
                    return Ok(answer);
                }
                Err(refused) => {
                    let told = refused.region.as_deref().and_then(|region| region.parse().ok());
                    match told.filter(|told| *told != self.asked && self.said.is_none()) {
                        Some(told) => {
                            self.asked = Region::clone(&told);
                            self.said = Some(told);
                        }
                        None => return Err(refused),
                    }
                }
            }
        }
        Err(Failure::Refused("every Region says that the bucket is in another one".to_owned())
            .into())
    }

    /// What is at the key, and whether that is all.
    async fn list(&mut self, key: &str) -> Result<(At, bool), Refused> {
        let (mut at, mut pages, mut token) = (At::default(), Pages::new(PAGES), None::<String>);
        let mut prefix = key.to_owned();
        loop {
            let mut query = vec![
                ("encoding-type", "url"),
                ("list-type", "2"),
                ("max-keys", "1000"),
                ("prefix", prefix.as_str()),
            ];
            // Signed in the order of names.
            if let Some(token) = token.as_deref() {
                query.insert(0, ("continuation-token", token));
            }
            let most = 4 * 1024 * 1024;
            let answer = match self.ask(LIST_OBJECTS, "GET", "", &query, most).await {
                // What was read is there, whatever comes after it.
                Err(refused) if pages.is_begun() => {
                    return if at == At::default() { Err(refused) } else { Ok((at, false)) };
                }
                answer => answer?,
            };
            let page = listing::page(&answer.xml()?)?;
            let last = page.objects.last().map(|object| object.key.clone());
            at.take(key, page.objects);
            if !page.truncated || at.past || at.own.is_some() {
                return Ok((at, true));
            }
            let folder = folder(key);
            match pages.turn(page.token) {
                // Of objects that only begin alike there may be any number before those that are below.
                Turn::Next(_) if prefix != folder && last.is_some_and(|last| last < folder) => {
                    (prefix, token) = (folder, None);
                }
                Turn::Next(next) => token = Some(next),
                Turn::End | Turn::Unread => return Ok((at, false)),
            }
        }
    }

    /// The text of a configuration. None where there is none.
    async fn config(&mut self, key: &str) -> Result<Option<ModelConfig>, Failure> {
        let answer = match self.ask(GET_OBJECT, "GET", key, &[], CONFIG).await {
            Err(refused) if refused.is_missing() => return Ok(None),
            answer => answer?,
        };
        let broken = || Failure::Unreadable("config.json is not a JSON object".to_owned());
        let text = std::str::from_utf8(&answer.body).map_err(|_| broken())?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        serde_json::from_str::<Map<String, Value>>(text).map_err(|_| broken())?;
        serde_json::from_str(text).map(Some).map_err(|_| broken())
    }
}

impl Files {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    async fn home(&self, errand: &Errand) -> Result<Region, Failure> {
        let unset = || USUAL.parse().map_err(|_| Failure::NotThere("no Region".to_owned()));
        self.aws.home(errand).await?.map_or_else(unset, Ok)
    }

    async fn look(&self, address: &S3Uri, errand: &Errand) -> Result<Fact, Failure> {
        let name = address.bucket();
        if name.ends_with("--x-s3") {
            let why = "it is a directory bucket, which smart mode does not read";
            return Err(Failure::NotAsked(why.to_owned()));
        }
        let asked = self.home(errand).await?;
        let share = Share::new(errand, SHARE, 0);
        let mut bucket = Bucket { aws: &self.aws, name, asked: asked.clone(), said: None, share };
        let mut found = Stored {
            address: address.clone(),
            region: None,
            is_object: false,
            files: Vec::new(),
            complete: true,
            config: None,
        };
        let mut notes = Vec::new();
        let mut partial = false;
        match bucket.list(address.key()).await {
            Ok((at, complete)) => {
                put(&mut found, &mut notes, at, complete);
                self.configured(&mut bucket, &mut found, &mut notes, &mut partial).await;
            }
            Err(refused) if refused.code == "NoSuchBucket" => {
                notes.push(format!("There is no bucket `{name}`."));
            }
            Err(Refused { failure: failure @ Failure::Denied(_), .. }) => {
                // Who may not list may still read.
                found.complete = false;
                partial = true;
                if !unlisted(&mut bucket, &mut found).await {
                    return Err(failure);
                }
                notes.push(format!("Files of `{name}` were not listed: S3 {failure}."));
            }
            Err(refused) => return Err(refused.failure),
        }
        if let Some(said) = bucket.said.as_ref().filter(|said| **said != asked) {
            notes.push(format!("The bucket `{name}` is in {said}, where it was asked."));
        }
        found.region = bucket.said;
        let file = ResourcesFile {
            as_of: clock::date(clock::now()),
            source: "Amazon S3".to_owned(),
            stored: vec![found].into(),
            ..ResourcesFile::default()
        };
        Ok(Fact { files: Rows::default().with(file), notes, partial })
    }

    /// Reads the `config.json` below a prefix: by its key, since it need not be among the files that were listed.
    async fn configured(
        &self,
        bucket: &mut Bucket<'_>,
        found: &mut Stored,
        notes: &mut Vec<String>,
        partial: &mut bool,
    ) {
        if found.is_object {
            return;
        }
        let listed = found.files.iter().find(|file| file.name == "config.json");
        if found.complete && listed.is_none() {
            return;
        }
        if let Some(file) = listed
            && file.size > CONFIG as u64
        {
            notes.push(format!("`config.json` has {} bytes and was not read.", file.size));
            return;
        }
        let key = format!("{}config.json", folder(found.address.key()));
        match bucket.config(&key).await {
            Ok(config) => found.config = config,
            Err(failure) => {
                *partial = true;
                notes.push(format!("`config.json` was not read: S3 {failure}."));
            }
        }
    }
}

/// Puts in a row what was listed.
fn put(found: &mut Stored, notes: &mut Vec<String>, at: At, complete: bool) {
    let key = found.address.key();
    found.complete = complete;
    let archived = match at.own {
        Some(own) => {
            found.is_object = true;
            let name = listing::own_name(&found.address);
            found.files = vec![StoredFile { name, size: own.size }];
            if !at.below.is_empty() {
                notes.push(format!(
                    "There are also objects below `{key}/`, which is a different address."
                ));
            }
            usize::from(own.archived)
        }
        None => {
            found.files = listing::files(&at.below, &folder(key));
            at.below.iter().filter(|object| object.archived).count()
        }
    };
    if archived > 0 {
        notes.push(format!(
            "{archived} of the files are archived in S3 and cannot be read until they are restored."
        ));
    }
    if !complete {
        notes
            .push(format!("There are more files than the {} that were listed.", found.files.len()));
    }
}

/// What can be known without a list: an object by its own key, or a configuration. False if it is nothing.
async fn unlisted(bucket: &mut Bucket<'_>, found: &mut Stored) -> bool {
    if found.address.is_prefix() {
        let key = format!("{}config.json", found.address.key());
        let Ok(Some(config)) = bucket.config(&key).await else { return false };
        let size = config.text().len() as u64;
        found.files = vec![StoredFile { name: "config.json".to_owned(), size }];
        found.config = Some(config);
        return true;
    }
    let answer = bucket.ask(HEAD_OBJECT, "HEAD", found.address.key(), &[], 0).await;
    let Ok(answer) = answer else { return false };
    let length = answer.headers.get("content-length").and_then(|value| value.to_str().ok());
    let Some(size) = length.and_then(|length| length.parse().ok()) else { return false };
    found.is_object = true;
    found.complete = true;
    found.files = vec![StoredFile { name: listing::own_name(&found.address), size }];
    true
}

impl Source for Files {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let Ask::Files(address) = ask else { return None };
        let words = format!("Amazon S3 (bucket `{}`)", address.bucket());
        Some(Topic { words, holds: minutes(2) })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let home = self.home(errand).await?;
            self.aws.eyes(Service::S3, &home, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let Ask::Files(address) = ask else { return Err(super::owned::stranger()) };
            self.look(address, errand).await
        })
    }
}
