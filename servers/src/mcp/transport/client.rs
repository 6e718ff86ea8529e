//! Where a client is. Limits are by address, so that nobody takes what others need; behind a proxy that is trusted the
//! address is the one that the proxy names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::http::header::FORWARDED;
use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    address: IpAddr,
    proxy: bool,
}

impl Peer {
    /// The one at `address`, which is a proxy if it is one of `proxies`.
    pub(super) fn new(address: IpAddr, proxies: &[IpNet]) -> Self {
        Self { address: counted(address), proxy: trusted(address, proxies) }
    }

    /// What it is counted by.
    pub(super) fn address(self) -> IpAddr {
        self.address
    }

    /// Whether it speaks for others.
    pub(super) fn is_proxy(self) -> bool {
        self.proxy
    }

    /// Whom a request with `headers` is from.
    pub(super) fn client(self, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
        if !self.proxy {
            return self.address;
        }
        let x_forwarded = farthest(values(headers, &X_FORWARDED_FOR).map(str::trim), proxies);
        let forwarded = farthest(values(headers, &FORWARDED).filter_map(forwarded_for), proxies);
        match (x_forwarded, forwarded) {
            (Some(client), None) | (None, Some(client)) => client,
            (Some(one), Some(other)) if one == other => one,
            // A client may send the one that the proxy does not set, and be whom it likes.
            _ => self.address,
        }
    }
}

/// The address as it is counted: of IPv6, a client usually has a whole /64.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

fn trusted(address: IpAddr, proxies: &[IpNet]) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|proxy| proxy.contains(&address))
}

/// The elements of a header that is a list, also over several lines.
fn values<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl DoubleEndedIterator<Item = &'h str> {
    let lines: Vec<&str> =
        headers.get_all(name).iter().map(|value| value.to_str().unwrap_or_default()).collect();
    lines.into_iter().flat_map(|line| line.split(','))
}

/// What follows `for=` in one element of `Forwarded`.
fn forwarded_for(element: &str) -> Option<&str> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// The address that the nearest proxies vouch for: the last one that is not theirs.
fn farthest<'h>(
    hops: impl DoubleEndedIterator<Item = &'h str>,
    proxies: &[IpNet],
) -> Option<IpAddr> {
    let mut client = None;
    for hop in hops.rev() {
        // Nothing before what cannot be read is vouched for.
        let Some(address) = address(hop) else { break };
        client = Some(counted(address));
        if !trusted(address, proxies) {
            break;
        }
    }
    client
}

/// An address with or without a port, and of IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let with_port = || text.parse().ok().map(|address: SocketAddr| address.ip());
    let bracketed = || {
        let inner = text.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse().ok().map(IpAddr::V6)
    };
    plain.or_else(with_port).or_else(bracketed).filter(|address| {
        // Nobody comes from nowhere.
        *address != IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::1/128".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        Peer::new(peer.parse().unwrap(), &proxies).client(&headers, &proxies).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_who_it_is() {
        let x = "x-forwarded-for";
        for (peer, lines, expected) in [
            ("192.0.2.9", &[(x, "203.0.113.1")][..], "192.0.2.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(x, "203.0.113.1")], "203.0.113.1"),
            ("::ffff:10.0.0.1", &[(x, "203.0.113.1:4711")], "203.0.113.1"),
            // What the client itself wrote is before what the proxy added.
            ("10.0.0.1", &[(x, "198.51.100.7, 203.0.113.1, 10.2.2.2")], "203.0.113.1"),
            ("10.0.0.1", &[(x, "198.51.100.7"), (x, "203.0.113.1")], "203.0.113.1"),
            ("10.0.0.1", &[(x, "203.0.113.1, nonsense")], "10.0.0.1"),
            ("10.0.0.1", &[(x, "10.1.1.1")], "10.1.1.1"),
            (
                "10.0.0.1",
                &[("forwarded", "For=\"[2001:db8:1:2:3::4]:80\";proto=http")],
                "2001:db8:1:2::",
            ),
            ("fd00::1", &[("forwarded", "for=203.0.113.1, for=10.3.3.3")], "203.0.113.1"),
            ("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1"),
            // Only one of them is the proxy's.
            ("10.0.0.1", &[(x, "203.0.113.1"), ("forwarded", "for=198.51.100.7")], "10.0.0.1"),
            ("10.0.0.1", &[(x, "203.0.113.1"), ("forwarded", "for=203.0.113.1")], "203.0.113.1"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn addresses_of_one_client_are_one() {
        let counted = |text: &str| counted(text.parse().unwrap()).to_string();
        assert_eq!(counted("2001:db8:1:2:aaaa::1"), counted("2001:db8:1:2:bbbb::2"));
        assert_eq!(counted("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
