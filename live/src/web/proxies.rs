//! Which requests go through a proxy.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use url::{Host, Url};

use crate::web::network::{Network, NetworkError};

/// Addresses of this machine's own services, which say who it is: the instance metadata service, and the credentials of
/// containers and pods. A proxy that were asked for them would learn it, or answer for itself.
const OWN: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The proxies, and whom they are not for.
#[derive(Default)]
pub(crate) struct Proxies {
    https: Option<Url>,
    http: Option<Url>,
    not: Vec<Except>,
}

/// Addresses of proxies have passwords.
impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies").field("not", &self.not).finish_non_exhaustive()
    }
}

/// Whom no proxy is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Except {
    Everybody,
    /// A network: its address, and how many bits of it count.
    Addresses(IpAddr, u8),
    /// A name and all below it, at one port or all.
    Names(String, Option<u16>),
    /// One address at one port.
    Address(IpAddr, u16),
}

impl Proxies {
    /// Those of this network.
    ///
    /// # Errors
    /// A proxy is no http or https address.
    pub(crate) fn of(network: &Network) -> Result<Self, NetworkError> {
        let not = network.no_proxy.as_deref().unwrap_or_default();
        Ok(Self {
            https: address(network.https_proxy.as_deref())?,
            http: address(network.http_proxy.as_deref())?,
            not: not.split([',', ' ']).filter_map(Except::of).collect(),
        })
    }

    /// The proxy that `url` is asked through.
    pub(crate) fn of_url(&self, url: &Url) -> Option<&Url> {
        let proxy = if url.scheme() == "https" { &self.https } else { &self.http }.as_ref()?;
        let (host, port) = (url.host()?, url.port_or_known_default()?);
        let direct = is_own(&host) || self.not.iter().any(|except| except.takes(&host, port));
        (!direct).then_some(proxy)
    }
}

/// A proxy's address; a host alone is one of http.
fn address(text: Option<&str>) -> Result<Option<Url>, NetworkError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
    let with = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with).map_err(|_| NetworkError::Proxy)?;
    let spoken = matches!(url.scheme(), "http" | "https") && url.has_host();
    // The client reads it once more, by other rules, and would go without a proxy that it cannot read.
    let read = url.as_str().parse::<Uri>().is_ok_and(|uri| uri.authority().is_some());
    if spoken && read { Ok(Some(url)) } else { Err(NetworkError::Proxy) }
}

/// Whether `host` is this machine, or a service of its own.
fn is_own(host: &Host<&str>) -> bool {
    match ip(host) {
        Some(address) => address.is_loopback() || OWN.contains(&address),
        None => is_localhost(host),
    }
}

/// Whether `url` is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match ip(&host) {
        Some(address) => address.is_loopback(),
        None => is_localhost(&host),
    })
}

fn is_localhost(host: &Host<&str>) -> bool {
    matches!(host, Host::Domain(name) if name.trim_end_matches('.').eq_ignore_ascii_case("localhost"))
}

/// The address that a host is; those of IPv4 that are written as IPv6 are the same.
fn ip(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(IpAddr::V4(*address)),
        Host::Ipv6(address) => Some(IpAddr::V6(*address).to_canonical()),
    }
}

impl Except {
    /// What an entry of `NO_PROXY` says: `*`, `10.0.0.0/8`, `::1`, `example.com`, `.example.com`, `*.example.com`, each
    /// but networks with a port or without.
    fn of(entry: &str) -> Option<Self> {
        let entry = entry.trim();
        if entry == "*" {
            return Some(Self::Everybody);
        }
        let entry = entry.trim_end_matches('.');
        if let Some((address, bits)) = entry.split_once('/') {
            let address: IpAddr = address.parse().ok()?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.parse().ok().filter(|bits| *bits <= most)?;
            return Some(Self::Addresses(address, bits));
        }
        let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Some(Self::Addresses(address, if address.is_ipv4() { 32 } else { 128 }));
        }
        let (name, port) = match entry.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
        if let (Ok(address), Some(port)) = (bare.parse(), port) {
            return Some(Self::Address(address, port));
        }
        let name = name.strip_prefix('*').unwrap_or(name).trim_matches('.').to_ascii_lowercase();
        (!name.is_empty()).then_some(Self::Names(name, port))
    }

    fn takes(&self, host: &Host<&str>, at: u16) -> bool {
        match self {
            Self::Everybody => true,
            Self::Addresses(network, bits) => {
                ip(host).is_some_and(|address| is_in(address, *network, *bits))
            }
            Self::Address(address, port) => *port == at && ip(host) == Some(address.to_canonical()),
            Self::Names(name, port) => {
                let Host::Domain(host) = host else { return false };
                let host = host.trim_end_matches('.').to_ascii_lowercase();
                let below = host.strip_suffix(name.as_str());
                let named = below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                named && port.is_none_or(|port| port == at)
            }
        }
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |a: u128, b: u128, width: u32| {
        // A shift by the whole width is none that there is: everything is in a network of no bits.
        (a ^ b).checked_shr(width.saturating_sub(u32::from(bits))).unwrap_or_default() == 0
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(no_proxy: &str) -> Proxies {
        Proxies::of(&Network {
            https_proxy: Some("http://proxy:3128".to_owned()),
            http_proxy: Some("other:80".to_owned()),
            no_proxy: Some(no_proxy.to_owned()),
            authorities: None,
        })
        .unwrap()
    }

    fn goes(proxies: &Proxies, url: &str) -> Option<String> {
        proxies.of_url(&url.parse().unwrap()).map(ToString::to_string)
    }

    #[test]
    fn each_scheme_has_its_proxy() {
        let proxies = with("");
        assert_eq!(goes(&proxies, "https://a.example/x").unwrap(), "http://proxy:3128/");
        assert_eq!(goes(&proxies, "http://a.example/x").unwrap(), "http://other/");
        let none = Proxies::of(&Network::default()).unwrap();
        assert_eq!(goes(&none, "https://a.example/x"), None);
    }

    #[test]
    fn this_machine_is_never_asked_through_a_proxy() {
        let proxies = with("");
        for own in [
            "localhost",
            "localhost.",
            "LOCALHOST",
            "127.0.0.1",
            "127.8.9.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "[fd00:ec2::254]",
            "[fd00:ec2::23]",
            "[::ffff:169.254.169.254]",
            "2130706433",
        ] {
            assert_eq!(goes(&proxies, &format!("http://{own}:1338/latest")), None, "{own}");
            assert_eq!(goes(&proxies, &format!("https://{own}/latest")), None, "{own}");
        }
        for other in ["notlocalhost", "localhost.example", "169.254.169.25", "[fd00:ec2::1]"] {
            assert!(goes(&proxies, &format!("http://{other}/")).is_some(), "{other}");
        }
    }

    #[test]
    fn exceptions_are_names_networks_ports_and_everybody() {
        let cases = [
            ("example.com", "https://example.com/", true),
            ("example.com", "https://EXAMPLE.com./", true),
            ("example.com", "https://a.b.example.com/", true),
            ("example.com", "https://notexample.com/", false),
            (".example.com", "https://a.example.com/", true),
            ("*.Example.com", "https://a.example.com/", true),
            (" a.example , b.example", "https://b.example/", true),
            ("a.example b.example", "https://b.example/", true),
            ("example.com:8443", "https://example.com:8443/", true),
            ("example.com:8443", "https://example.com/", false),
            ("example.com:443", "https://example.com/", true),
            ("10.0.0.0/8", "https://10.255.1.2/", true),
            ("10.0.0.0/8", "https://11.0.0.1/", false),
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.1.2.3", "https://10.1.2.30/", false),
            ("10.1.2.3:81", "http://10.1.2.3:81/", true),
            ("10.1.2.3:81", "http://10.1.2.3/", false),
            ("0.0.0.0/0", "https://8.8.8.8/", true),
            ("0.0.0.0/0", "https://[2001:db8::1]/", false),
            ("2001:db8::/32", "https://[2001:db8:ffff::1]/", true),
            ("2001:db8::/32", "https://[2001:db9::1]/", false),
            ("::/0", "https://[2001:db9::1]/", true),
            ("[2001:db8::1]:81", "http://[2001:db8::1]:81/", true),
            ("*", "https://a.example/", true),
            ("", "https://a.example/", false),
            (",,/,:,.,*.,1/2,10.0.0.0/33,::/129,a:b", "https://a.example/", false),
        ];
        for (no_proxy, url, direct) in cases {
            assert_eq!(goes(&with(no_proxy), url).is_none(), direct, "{no_proxy} {url}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_never_told() {
        for bad in [
            "socks5://u:s3cret@proxy",
            "http://",
            "ftp://s3cret@x",
            "http://a b",
            "://",
            "http://[::1",
        ] {
            for https in [true, false] {
                let proxy = Some(bad.to_owned());
                let network = if https {
                    Network { https_proxy: proxy, ..Network::default() }
                } else {
                    Network { http_proxy: proxy, ..Network::default() }
                };
                let error = Proxies::of(&network).unwrap_err();
                assert!(!format!("{error} {error:?} {network:?}").contains("s3cret"), "{bad}");
            }
        }
        let network =
            Network { https_proxy: Some("http://u:s3cret@p".into()), ..Network::default() };
        let proxies = Proxies::of(&network).unwrap();
        assert!(!format!("{network:?} {proxies:?}").contains("s3cret"));
        assert!(
            Proxies::of(&Network { http_proxy: Some("  ".into()), ..Network::default() }).is_ok()
        );
    }
}
