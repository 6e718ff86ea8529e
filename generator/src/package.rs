//! A package of SageMaker's model registry as the model: where its model is, and which image it was registered with.

use mcc_catalogs::{Arn, Ask, Catalogs, ImageUri, Resource};

use crate::finding::Finding;
use crate::fix::{Fix, Fixes};
use crate::lenient;
use crate::merge::Merged;
use crate::named;
use crate::registry::{Config, registry};

/// The rule about packages that cannot be deployed.
pub(crate) const REFUSED: &str = "MCC-MDL-010";

/// The package that the model is, if it is one.
pub(crate) fn given(merged: &Merged) -> Option<Arn> {
    let arn: Arn = merged.text("modelName")?.parse().ok()?;
    arn.names_model_package().then_some(arn)
}

/// Adds what follows from the package that is given, and refuses one of which nothing is known, or nothing is served.
pub(crate) fn complete(catalogs: &Catalogs, merged: &mut Merged) {
    let Some(arn) = given(merged) else { return };
    if let Some((message, fixes)) = refusal(catalogs, merged, &arn) {
        let finding = merged.about("modelName", Finding::error(REFUSED, message, fixes));
        merged.findings.push(finding);
        return;
    }
    let Some((_, family)) = image(catalogs, &arn) else { return };
    if merged.get("deploymentConfig").is_some() || merged.is_refused("deploymentConfig") {
        return;
    }
    let target = registry().targets().first().map_or("", String::as_str);
    let starts =
        |config: &&Config| config.fetches() && images(config, target).as_ref() == Some(&family);
    let mut all = registry().configs().iter().filter(starts).map(|config| config.name.clone());
    if let Some(first) = all.next() {
        merged.derive("deploymentConfig", &first, "modelName", all.collect());
    }
}

/// Why the package is not deployed, and what to do.
fn refusal(catalogs: &Catalogs, merged: &Merged, arn: &Arn) -> Option<(String, Fixes)> {
    let resources = catalogs.resources();
    let look = format!(
        "aws sagemaker describe-model-package --model-package-name {arn} --query InferenceSpecification.Containers"
    );
    let Some(found) = resources.named(arn.as_str()) else {
        let fix = format!(
            "use --mode smart, which reads the package; or run `{look}` and give the s3:// address that it says as modelName"
        );
        return Some(("what is in the model package is not known here".to_owned(), fix.into()));
    };
    let Resource::Package { model, framework, framework_version, .. } = found else {
        let fix = "check the ARN, its account and its Region included";
        return Some(("SageMaker's model registry has no such package".to_owned(), fix.into()));
    };
    let Some(model) = model else {
        let fix = format!(
            "run `{look}` to see what it has; a model is deployed that has a ModelDataUrl or a ModelDataSource in S3"
        );
        return Some(("the model package has no model in S3".to_owned(), fix.into()));
    };
    let named = framework.as_deref()?;
    let framework = lenient::word("framework", named, registry().frameworks())?;
    let version = framework_version.as_deref().map(|v| format!(" {v}")).unwrap_or_default();
    let copy =
        Fix::say(format!("{} and give the model file as modelPath", named::copied(model.as_str())));
    let fix = Fix::unset("modelName").and(Fix::set("framework", framework)).and(copy);
    let message = format!(
        "the model package has a model of {framework}{version}, which is packed into the image from a file"
    );
    Some((message, fix.into())).filter(|_| !merged.is_given("modelPath"))
}

/// The family of images that a config starts from.
fn images(config: &Config, target: &str) -> Option<String> {
    crate::deployment(config, target, None)?.images.clone()
}

/// Takes the image that the package was registered with, where the config starts from images of its family.
pub(crate) fn take_image(catalogs: &Catalogs, merged: &mut Merged, config: &Config, target: &str) {
    let Some(arn) = given(merged).filter(|_| merged.get("engineVersion").is_none()) else { return };
    let found =
        image(catalogs, &arn).filter(|(_, family)| images(config, target) == Some(family.clone()));
    let looked = catalogs.looked(&[Ask::Named(arn)]);
    match (found, looked) {
        (Some((image, _)), Some(looked)) => {
            merged.look_up("baseImage", &image.as_str().into(), looked);
        }
        (Some((image, _)), None) => {
            merged.derive("baseImage", image.as_str(), "modelName", Vec::new());
        }
        (None, _) => {}
    }
}

/// The image that the package was registered with, and its family, if that is known.
fn image<'a>(catalogs: &'a Catalogs, arn: &Arn) -> Option<(&'a ImageUri, String)> {
    let Resource::Package { image, .. } = catalogs.resources().named(arn.as_str())? else {
        return None;
    };
    let image = image.as_ref()?;
    let family = catalogs.image_at(image.as_str())?.image.family;
    Some((image, family)).filter(|(_, family)| !family.is_empty())
}
