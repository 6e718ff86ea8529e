//! Host images for containers, and what is said of an image of the user's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use mcc_catalogs::{AcceleratorKind, Catalogs, Image, Instance};
use mcc_fit::{
    AmiKind, Deployment, HostImage, ImageReason, OwnImage, host_for, own_image, starts_on,
};

fn row(name: &str) -> &'static Instance {
    Catalogs::embedded().instances().get(name).expect(name)
}

/// An image of vLLM with that CUDA.
fn image(cuda: Option<&str>) -> Image {
    let first = Catalogs::embedded().images().of_family("vllm").next();
    Image { cuda: cuda.map(str::to_owned), ..first.expect("an image").clone() }
}

fn deployment() -> Deployment {
    Deployment {
        engine: Some("vllm".to_owned()),
        ami: Some(AmiKind::Inference),
        ..Deployment::default()
    }
}

#[test]
fn a_container_gets_a_host_image_or_a_reason() {
    let catalogs = Catalogs::embedded();
    let found = |image: &Image, on: &str| host_for(catalogs, &deployment(), Some(image), row(on));
    let known = image(Some("12.9"));
    assert!(matches!(found(&known, "ml.g6.xlarge"), Ok(Some(HostImage::Driver(_)))));
    assert!(matches!(found(&known, "ml.inf2.xlarge"), Ok(Some(HostImage::Neuron(_)))));
    assert!(matches!(found(&known, "ml.m5.xlarge"), Ok(None)));
    assert!(matches!(found(&image(None), "ml.g6.xlarge"), Ok(None)));
    // No driver of a host image is made for it.
    let future = image(Some("99.0"));
    let reason = found(&future, "ml.g6.xlarge").expect_err("a reason");
    assert_eq!(reason, ImageReason::NoHost { cuda: "99.0".to_owned() });
    let pods = Deployment { ami: None, ..deployment() };
    assert!(matches!(host_for(catalogs, &pods, Some(&future), row("ml.g6.xlarge")), Ok(None)));
    assert!(starts_on(catalogs, &known, 580) && !starts_on(catalogs, &known, 470));
}

#[test]
fn an_image_of_the_user_s_own_is_held_against_instance_and_engine() {
    let gpu = Some(row("ml.g6.xlarge"));
    let of = |image: Option<&Image>, on| own_image(&deployment(), image, on);
    assert_eq!(of(None, gpu), [OwnImage::NoCuda, OwnImage::NoRelease]);
    assert_eq!(of(Some(&image(Some("12.9"))), gpu), []);
    assert_eq!(of(None, Some(row("ml.m5.xlarge"))), []);
    let other = Image { engine: Some("sglang".to_owned()), ..image(Some("12.9")) };
    let said = OwnImage::Engine { has: "sglang".to_owned(), needs: "vllm".to_owned() };
    assert_eq!(of(Some(&other), gpu), std::slice::from_ref(&said));
    assert_eq!(of(Some(&other), None), [said]);
    let processors = Image { accelerator: AcceleratorKind::Cpu, ..image(None) };
    assert_eq!(of(Some(&processors), gpu), [OwnImage::Idle]);
}
