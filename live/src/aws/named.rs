//! What an ARN names: secrets, and packages of the model registry.
//!
//! It is asked in the ARN's own Region, of whatever account: who may not see it is told so. A secret's value is never
//! asked for.

use mcc_catalogs::{Arn, Ask, Errand, Files, NamedRow, Region, Resource, ResourcesFile, cut};
use serde_json::{Value, json};

use super::actions::{DESCRIBE_MODEL_PACKAGE, DESCRIBE_SECRET, LIST_MODEL_PACKAGES};
use super::call::Call;
use super::client::{Aws, Refused};
use super::owned::whole;
use super::package::{Package, Packages, Secret};
use super::service::Service;
use crate::clock;
use crate::desk::minutes;
use crate::failure::Failure;
use crate::source::{Eyes, Fact, Source, Topic, Waiting};

/// The kinds of things that are looked up by their ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Secret,
    Package,
    Group,
}

impl Kind {
    fn of(arn: &Arn) -> Option<Self> {
        match (arn.service(), arn.resource().split(['/', ':']).next()?) {
            ("secretsmanager", "secret") => Some(Self::Secret),
            ("sagemaker", "model-package") => Some(Self::Package),
            ("sagemaker", "model-package-group") => Some(Self::Group),
            _ => None,
        }
    }

    fn service(self) -> Service {
        match self {
            Self::Secret => Service::SecretsManager,
            Self::Package | Self::Group => Service::SageMaker,
        }
    }

    /// The kind and Region of what a question is about.
    fn asked(ask: &Ask) -> Option<(Self, &Arn, Region)> {
        let Ask::Named(arn) = ask else { return None };
        Some((Self::of(arn)?, arn, arn.region()?.parse().ok()?))
    }
}

/// What ARNs name.
#[derive(Debug)]
pub(crate) struct Named {
    aws: Aws,
}

impl Named {
    pub(crate) fn new(aws: Aws) -> Self {
        Self { aws }
    }

    async fn look(
        &self,
        kind: Kind,
        arn: &Arn,
        region: &Region,
        errand: &Errand,
    ) -> Result<Fact, Failure> {
        let mut notes = Vec::new();
        let resource = match kind {
            Kind::Secret => self.secret(arn, region, errand).await,
            Kind::Package => self.package(arn, None, region, errand).await,
            Kind::Group => self.newest(arn, region, errand, &mut notes).await,
        };
        let resource = match resource {
            Ok(resource) => resource,
            Err(refused) if refused.is_missing() => Some(Resource::Missing),
            Err(refused) => return Err(refused.failure),
        };
        let rows: Vec<NamedRow> =
            resource.map(|resource| NamedRow { arn: arn.clone(), resource }).into_iter().collect();
        let file = ResourcesFile {
            as_of: clock::date(clock::now()),
            source: format!("{} in {region}", kind.service().id()),
            named: rows.into(),
            ..ResourcesFile::default()
        };
        Ok(Fact { files: Files::default().with(file), notes, partial: false })
    }

    async fn secret(
        &self,
        arn: &Arn,
        region: &Region,
        errand: &Errand,
    ) -> Result<Option<Resource>, Refused> {
        let call = Call::json(DESCRIBE_SECRET, region, json!({ "SecretId": arn.as_str() }));
        let secret: Secret = whole(&self.aws.call(&call, errand).await?)?;
        Ok(Some(secret.resource()))
    }

    async fn package(
        &self,
        arn: &Arn,
        of_group: Option<Arn>,
        region: &Region,
        errand: &Errand,
    ) -> Result<Option<Resource>, Refused> {
        let input = json!({ "ModelPackageName": arn.as_str() });
        let call = Call::json(DESCRIBE_MODEL_PACKAGE, region, input);
        let package: Package = whole(&self.aws.call(&call, errand).await?)?;
        Ok(Some(package.resource(of_group)))
    }

    /// The newest package of a group that was approved; where none was, the newest of all.
    async fn newest(
        &self,
        group: &Arn,
        region: &Region,
        errand: &Errand,
        notes: &mut Vec<String>,
    ) -> Result<Option<Resource>, Refused> {
        let input = json!({
            "ModelPackageGroupName": group.as_str(), "SortBy": "CreationTime", "SortOrder": "Descending",
            "MaxResults": 1,
        });
        let mut approved = input.clone();
        if let Some(members) = approved.as_object_mut() {
            members.insert("ModelApprovalStatus".to_owned(), "Approved".into());
        }
        for (input, what) in [(approved, "newest approved package"), (input, "newest package")] {
            if let Some(arn) = self.first(input, region, errand).await? {
                // Only what is of that Region and of the registry is asked further.
                let told = arn.parse::<Arn>().ok();
                let told = told.filter(|arn| arn.region() == Some(region.as_str()));
                let Some(arn) = told.filter(|arn| Kind::of(arn) == Some(Kind::Package)) else {
                    return Err(Failure::Unreadable("a package without an ARN".to_owned()).into());
                };
                let unapproved = if what == "newest package" { "; none is approved" } else { "" };
                notes.push(format!(
                    "The {what} of the group is {}{unapproved}.",
                    cut(arn.as_str(), 300)
                ));
                return self.package(&arn, Some(arn.clone()), region, errand).await;
            }
        }
        notes.push("The model package group is empty.".to_owned());
        Ok(None)
    }

    async fn first(
        &self,
        input: Value,
        region: &Region,
        errand: &Errand,
    ) -> Result<Option<String>, Refused> {
        let call = Call::json(LIST_MODEL_PACKAGES, region, input);
        let packages: Packages = whole(&self.aws.call(&call, errand).await?)?;
        Ok(packages.first())
    }
}

impl Source for Named {
    fn knows(&self, ask: &Ask) -> Option<Topic> {
        let (kind, _, region) = Kind::asked(ask)?;
        let words = match kind {
            Kind::Secret => format!("AWS Secrets Manager in {region}"),
            Kind::Package | Kind::Group => format!("SageMaker's model registry in {region}"),
        };
        Some(Topic { words, holds: minutes(2) })
    }

    fn eyes<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Eyes, Failure>> {
        Box::pin(async move {
            let (kind, _, region) = Kind::asked(ask).ok_or_else(super::owned::stranger)?;
            self.aws.eyes(kind.service(), &region, errand).await
        })
    }

    fn find<'a>(&'a self, ask: &'a Ask, errand: &'a Errand) -> Waiting<'a, Result<Fact, Failure>> {
        Box::pin(async move {
            let (kind, arn, region) = Kind::asked(ask).ok_or_else(super::owned::stranger)?;
            self.look(kind, arn, &region, errand).await
        })
    }
}
