//! Container registries: Docker Hub, ECR Public, nvcr.io, ghcr.io, quay.io, and any that speaks the protocol of the OCI.
//!
//! They are asked without credentials. A token that a registry wants is one that anybody gets: it is asked for at the
//! registry's own host or beside it, over TLS, for reading one repository, and sent to no other host. One image takes at
//! most five requests: a token, the list of its platforms, one of them, its configuration, and the redirect to where that
//! is kept. Everything that has a digest is held to it.
//!
//! The crate `oci-client` is not used for it: it follows whatever realm and redirect a registry names, reads answers of any
//! size, and makes requests that no errand counts. `oci-spec` wants all of a configuration to be there and sound, of which
//! three parts are read here, and brings several crates of derive macros along. References have the grammar of
//! [`mcc_catalogs::ImageUri`], and `http-auth` reads the challenges.
//!
//! Private registries of ECR are not asked here: their API says more, to those who may know.

mod challenge;
mod contents;
mod family;
pub(crate) mod inspect;
pub(crate) mod manifest;
mod place;
pub(crate) mod tags;
mod visit;

use std::sync::Arc;
use std::time::Duration;

use mcc_catalogs::{Ask, Catalogs, Errand, Files, ImageUri, ImagesFile, ResourcesFile, Table};

pub(crate) use self::contents::Contents;
use self::family::Releases;
use self::place::Place;
use self::tags::Tags;
use self::visit::{Realms, Visit};
use crate::cache::Cache;
use crate::clock;
use crate::desk::{Desk, minutes};
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};
use crate::web::Web;

/// How long what a digest names is the same: for ever, and this long in a cache.
pub(crate) const BY_DIGEST: Duration = minutes(30 * 24 * 60);
/// How long a tag is taken to name the same image.
const BY_TAG: Duration = minutes(10);
/// How long a list of releases is taken to be all of them.
const RELEASES: Duration = minutes(6 * 60);

/// The container registries.
#[derive(Debug)]
pub struct Registries {
    web: Web,
    /// What families there are, and which releases of model servers have been read.
    catalogs: Arc<Catalogs>,
    realms: Realms,
}

impl Registries {
    /// Registries behind this network, for the families of `catalogs`.
    pub fn new(web: Web, catalogs: Arc<Catalogs>) -> Self {
        Self { web, catalogs, realms: Realms::default() }
    }

    /// A desk with this source alone.
    pub fn desk(self, cache: Arc<Cache>) -> Desk {
        Desk::new(vec![Box::new(self)], cache)
    }

    /// Whose images an ask is about.
    fn place(&self, ask: &Ask) -> Option<Place> {
        match ask {
            Ask::Image(image) => Place::of(image),
            Ask::Images(family) => family::place(&self.catalogs, family),
            _ => None,
        }
    }

    async fn image(&self, image: &ImageUri, errand: &Errand) -> Result<Fact, Failure> {
        let Some(place) = Place::of(image) else { return Ok(Fact::default()) };
        let mut visit = Visit::new(&self.web, errand, &place, &self.realms);
        let look = inspect::look(&mut visit, image).await?;
        let images: Vec<_> = look.image.into_iter().collect();
        let mut files = Files::default();
        if !images.is_empty() {
            files = files.with(ResourcesFile {
                as_of: clock::date(clock::now()),
                source: place.words.clone(),
                images: Table::from(images),
                ..ResourcesFile::default()
            });
        }
        Ok(Fact { files, notes: look.notes, partial: look.partial })
    }

    async fn releases(&self, family: &str, errand: &Errand) -> Result<Fact, Failure> {
        let Some(place) = family::place(&self.catalogs, family) else { return Ok(Fact::default()) };
        let mut visit = Visit::new(&self.web, errand, &place, &self.realms);
        let newest = self.catalogs.images().of_family(family).next().map(|row| row.tag.clone());
        let tags = Tags::read(&mut visit, newest.as_deref()).await?;
        let releases = Releases::of(&self.catalogs, family, &tags);
        let mut notes: Vec<String> = releases.note(&place.words, family).into_iter().collect();
        if tags.more {
            notes.push(format!(
                "{} lists more tags of {} than were read; newer ones may exist.",
                place.words, place.repository
            ));
        }
        let files = Files::default().with(ImagesFile {
            as_of: clock::date(clock::now()),
            source: place.words.clone(),
            images: Table::from(releases.rows),
            ..ImagesFile::default()
        });
        Ok(Fact { files, notes, partial: tags.more })
    }
}

impl Source for Registries {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let words = self.place(ask)?.words;
        let holds = match ask {
            Ask::Image(image) if image.digest().is_some() => BY_DIGEST,
            Ask::Image(_) => BY_TAG,
            _ => RELEASES,
        };
        Some(Topic { words, holds })
    }

    fn eyes<'a>(&'a self, _: &'a Ask, _: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        // Everybody sees the same, for nobody says who they are.
        Box::pin(async { Ok(Eyes { apart: "without credentials".to_owned(), told: None }) })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            match ask {
                Ask::Image(image) => self.image(image, errand).await,
                Ask::Images(family) => self.releases(family, errand).await,
                _ => Ok(Fact::default()),
            }
        })
    }
}
