//! Where the layers of ECR's images are fetched from: addresses that ECR gives out, on S3.

use mcc_catalogs::Region;
use url::{Host, Url};

use super::service::Partition;

/// Whether a layer may be fetched from `url`: over TLS from AWS's own hosts; or, where ECR itself is `asked` on this
/// machine, from this machine.
pub(super) fn may_be_fetched(url: &Url, region: &Region, asked: &str) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    let own = match url.host() {
        Some(Host::Domain(host)) => {
            let suffix = Partition::of(region).suffix;
            host.strip_suffix(suffix).is_some_and(|head| head.ends_with('.'))
        }
        _ => false,
    };
    let at_aws = url.scheme() == "https" && url.port().is_none() && own;
    let emulated = asked.parse::<Url>().is_ok_and(|asked| is_local(&asked)) && is_local(url);
    plain && (at_aws || emulated)
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_fetched_from_aws_only() {
        let may = |url: &str, asked: &str| {
            may_be_fetched(&url.parse().unwrap(), &"us-east-1".parse().unwrap(), asked)
        };
        let (aws, local) = ("https://api.ecr.us-east-1.amazonaws.com", "http://127.0.0.1:5000");
        assert!(may(
            "https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/x?X-Amz-Signature=1",
            aws
        ));
        assert!(may("http://127.0.0.1:9/x", local) && may("http://localhost:9/x", local));
        for url in [
            "http://b.s3.us-east-1.amazonaws.com/x",
            "https://u:p@b.s3.us-east-1.amazonaws.com/x",
            "https://b.s3.us-east-1.amazonaws.com:8443/x",
            "https://b.s3.us-east-1.amazonaws.com.evil.example/x",
            "https://evilamazonaws.com/x",
            "https://amazonaws.com/x",
            "https://169.254.169.254/x",
            "https://127.0.0.1/x",
            "http://127.0.0.1/x",
            "file:///etc/passwd",
        ] {
            assert!(!may(url, aws), "{url}");
        }
        assert!(!may("http://169.254.169.254/x", local));
    }
}
