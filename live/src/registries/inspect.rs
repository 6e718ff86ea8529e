//! One image, as its registry has it.

use http::{HeaderMap, StatusCode};
use mcc_catalogs::{ImageUri, Inspected};

use super::contents::Contents;
use super::manifest::{self, Descriptor, Manifest, Single};
use super::tags::Tags;
use super::visit::{Visit, code};
use crate::failure::Failure;
use crate::web::Response;

/// Most bytes of an image's configuration. The largest have a history of a few hundred steps.
pub(crate) const CONFIG_BYTES: usize = 1024 * 1024;
/// At how many pulls that are left the reader should know.
const FEW: u64 = 10;
/// The tag where none is named.
pub(crate) const LATEST: &str = "latest";

/// What was found of an image.
#[derive(Debug)]
pub(super) struct Look {
    /// None where the registry shows it to nobody without a login.
    pub(super) image: Option<Inspected>,
    /// What the reader should know.
    pub(super) notes: Vec<String>,
    /// Some of it could not be had.
    pub(super) partial: bool,
}

/// Looks at `image`.
///
/// # Errors
/// The registry could not be asked, or said what cannot be.
pub(super) async fn look(visit: &mut Visit<'_>, image: &ImageUri) -> Result<Look, Failure> {
    let reference = image.digest().or(image.tag()).unwrap_or(LATEST);
    let what = format!("manifests/{reference}");
    let answer = match visit.get(&what, manifest::ACCEPT, manifest::MOST).await {
        Ok(answer) => answer,
        Err(Failure::Login) => {
            let note = format!(
                "{} shows {image} only after a login: it is private or does not exist. Smart mode sends registries no \
                 credentials, so nothing is known about the image.",
                visit.place.words
            );
            return Ok(Look { image: None, notes: vec![note], partial: false });
        }
        Err(failure) => return Err(failure),
    };
    let mut found = unread(image);
    if answer.status == StatusCode::NOT_FOUND {
        return missing(visit, found, &answer).await;
    }
    found.digest = Some(verified(&answer, image.digest())?);
    let mut look = Look { image: None, notes: few(visit, &answer.headers), partial: false };
    let manifest = Manifest::of(&answer.body)?;
    match inside(visit, &mut found, manifest).await {
        Ok(true) => {}
        Ok(false) => {
            look.notes.push(format!("{} has no container image under {image}.", visit.place.words));
        }
        // That it is there is true, whatever is not known of it.
        Err(failure) => {
            look.partial = !matches!(failure, Failure::Unreadable(_));
            look.notes.push(format!(
                "{} has {image}, but {failure}, so its contents are not known.",
                visit.place.words
            ));
        }
    }
    look.image = Some(found);
    Ok(look)
}

/// What a manifest leads to: platforms, size and configuration. False where it is no container image.
async fn inside(
    visit: &mut Visit<'_>,
    found: &mut Inspected,
    manifest: Manifest,
) -> Result<bool, Failure> {
    let single = match manifest {
        Manifest::Image(single) => single,
        Manifest::Other => return Ok(false),
        Manifest::List(list) => {
            put_platforms(found, &list);
            let Some(one) = manifest::chosen(&list) else { return Ok(false) };
            let answer = by_digest(visit, "manifests", one, manifest::MOST).await?;
            match Manifest::of(&answer.body)? {
                Manifest::Image(single) => single,
                Manifest::List(_) | Manifest::Other => return Ok(false),
            }
        }
    };
    let Single { config, bytes } = single;
    found.bytes = bytes;
    let answer = by_digest(visit, "blobs", &config, CONFIG_BYTES).await?;
    let contents = Contents::of(&answer.body)
        .ok_or_else(|| Failure::Unreadable("the image's configuration".to_owned()))?;
    put_contents(found, contents);
    Ok(true)
}

/// An image that is there, of which nothing was read.
pub(crate) fn unread(image: &ImageUri) -> Inspected {
    Inspected::of(image.clone(), true)
}

/// Puts in a row the platforms of a list.
pub(crate) fn put_platforms(found: &mut Inspected, list: &[Descriptor]) {
    for (platform, _) in manifest::platforms(list) {
        found.arch.extend(manifest::arch(&platform));
        found.platforms.push(platform);
    }
    found.arch.sort_unstable();
    found.arch.dedup();
    found.platforms.dedup();
}

/// Puts in a row what an image's configuration says, and its platform where no list said one.
pub(crate) fn put_contents(found: &mut Inspected, contents: Contents) {
    if found.platforms.is_empty()
        && let Some((os, architecture)) = &contents.platform
        && let Some(platform) = manifest::platform(os, architecture, None)
    {
        found.arch.extend(manifest::arch(&platform));
        found.platforms.push(platform);
    }
    found.cuda = contents.cuda;
    found.engine = contents.engine;
    found.triton = contents.triton;
}

/// What the registry has under a digest, which is what it is.
async fn by_digest(
    visit: &mut Visit<'_>,
    kind: &str,
    what: &Descriptor,
    most: usize,
) -> Result<Response, Failure> {
    if !manifest::is_digest(&what.digest) {
        return Err(Failure::Unreadable("a digest is malformed".to_owned()));
    }
    let accept = if kind == "blobs" { "*/*" } else { manifest::ACCEPT };
    let answer = visit.get(&format!("{kind}/{}", what.digest), accept, most).await?;
    if answer.status == StatusCode::NOT_FOUND {
        return Err(Failure::Refused("it does not have what its own manifest names".to_owned()));
    }
    verified(&answer, Some(&what.digest))?;
    Ok(answer)
}

/// The digest of what was answered, if it is that which was asked for and that which the answer says.
fn verified(answer: &Response, asked: Option<&str>) -> Result<String, Failure> {
    let own = manifest::digest(&answer.body);
    let said = answer.headers.get("docker-content-digest").and_then(|value| value.to_str().ok());
    // Of another algorithm nothing can be said.
    let said = said.filter(|said| said.starts_with("sha256:"));
    if [asked, said].into_iter().flatten().any(|other| other != own) {
        return Err(Failure::Unreadable("its content does not match its digest".to_owned()));
    }
    Ok(own)
}

/// What is said of an image that is not there.
async fn missing(
    visit: &mut Visit<'_>,
    found: Inspected,
    answer: &Response,
) -> Result<Look, Failure> {
    let code = code(answer);
    // Anything on the web answers 404. A registry says what it has not.
    if code.is_empty() && !answer.headers.contains_key("docker-distribution-api-version") {
        return Err(Failure::NotThere("no container registry answers at that address".to_owned()));
    }
    let mut look = Look { image: None, notes: Vec::new(), partial: true };
    let mut like = Vec::new();
    let tag = found.image.tag().or(found.image.digest().is_none().then_some(LATEST));
    if let Some(tag) = tag.filter(|_| code != "NAME_UNKNOWN")
        && let Ok(tags) = Tags::read(visit, Some(tag)).await
    {
        like = tags.like(tag);
        if tags.more {
            look.notes.push(format!(
                "{} lists more tags than were read; newer ones may exist.",
                visit.place.words
            ));
        }
    }
    look.image = Some(Inspected { exists: false, like, ..found });
    Ok(look)
}

/// How often images can still be asked for, where that is not often.
fn few(visit: &Visit<'_>, headers: &HeaderMap) -> Vec<String> {
    let left = headers.get("ratelimit-remaining").and_then(|value| value.to_str().ok());
    let left = left.and_then(|left| left.split(';').next()?.trim().parse::<u64>().ok());
    let few = left.filter(|left| *left <= FEW);
    let note = |left| {
        format!(
            "{} lets this network address pull {left} more manifests for now.",
            visit.place.words
        )
    };
    few.map(note).into_iter().collect()
}
