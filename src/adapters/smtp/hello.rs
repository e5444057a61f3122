//! The name by which we greet a mail server. RFC 5321 (4.1.4) wants the full name of this machine, or its address in
//! brackets where it has none: strict servers refuse mail from a name without a dot, which is what containers have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lettre::transport::smtp::extension::ClientId;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use super::settings::SmtpSettings;
use super::wire::STEP;
use crate::adapters::files;

/// The longest host name (RFC 1035, 2.3.4).
const NAME_MAX: usize = 253;

/// `email.hello_name`, else the full name of this machine, else its address towards the server.
pub(super) async fn client_id(settings: &SmtpSettings) -> ClientId {
    if let Some(name) = &settings.hello_name {
        // An address in brackets goes to the server as it stands, too.
        return ClientId::Domain(name.clone());
    }
    if let Some(name) = full_name(&files::host_name(), &files::hosts()) {
        return ClientId::Domain(name);
    }
    let address = timeout(STEP, local_address(&settings.host, settings.port)).await;
    literal(address.ok().flatten().unwrap_or(Ipv4Addr::LOCALHOST.into()))
}

/// The name of this machine with its domain: its own, or the one that its file of hosts has beside it.
fn full_name(host: &str, hosts: &str) -> Option<String> {
    let host = host.trim_end_matches('.');
    if is_full(host) {
        return Some(host.to_owned());
    }
    hosts.lines().find_map(|line| {
        let entry = line.split('#').next().unwrap_or_default();
        let mut names = entry.split_whitespace().skip(1);
        let is_ours = names.clone().any(|name| name.eq_ignore_ascii_case(host));
        let full = names.find(|name| is_full(name)).filter(|_| is_ours)?;
        Some(full.trim_end_matches('.').to_owned())
    })
}

/// Whether a name has a domain that others may know.
fn is_full(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = name.rsplit_once('.') else {
        return false;
    };
    let lower = last.to_ascii_lowercase();
    name.len() <= NAME_MAX
        && name.split('.').all(is_label)
        && last.bytes().any(|b| b.is_ascii_alphabetic())
        && !matches!(
            lower.as_str(),
            "localhost" | "localdomain" | "localdomain4" | "localdomain6"
        )
}

/// The address from which this machine speaks to the server.
async fn local_address(host: &str, port: u16) -> Option<IpAddr> {
    for server in lookup_host((host, port)).await.ok()? {
        let any: IpAddr = if server.is_ipv4() {
            Ipv4Addr::UNSPECIFIED.into()
        } else {
            Ipv6Addr::UNSPECIFIED.into()
        };
        // A datagram socket that is connected sends nothing: the kernel only picks the address that it would send from.
        if let Ok(socket) = UdpSocket::bind((any, 0)).await
            && socket.connect(server).await.is_ok()
            && let Ok(ours) = socket.local_addr()
        {
            return Some(ours.ip());
        }
    }
    None
}

fn literal(address: IpAddr) -> ClientId {
    match address.to_canonical() {
        IpAddr::V4(address) => ClientId::Ipv4(address),
        IpAddr::V6(address) => ClientId::Ipv6(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_full_with_a_domain_that_others_may_know() {
        let hosts = "127.0.0.1 localhost localhost.localdomain\n\
                     # 10.0.0.1 not.example.com web\n\
                     127.0.1.1 web-1.example.com web-1 # ours\n\
                     10.0.0.2 web-2 web-2.example.com.\n\
                     10.0.0.3 other.example.com other\n";
        for (host, full) in [
            ("web.example.com", Some("web.example.com")),
            ("web.example.com.", Some("web.example.com")),
            ("web-1", Some("web-1.example.com")),
            ("WEB-1", Some("web-1.example.com")),
            ("web-2", Some("web-2.example.com")),
            ("web", None),
            ("4f2c9a1b7e55", None),
            ("localhost", None),
            ("localhost.localdomain", None),
            ("10.0.0.7", None),
            ("web_1.example.com", None),
            ("-web.example.com", None),
            ("web..example.com", None),
            ("this machine", None),
            ("", None),
        ] {
            assert_eq!(full_name(host, hosts).as_deref(), full, "{host}");
        }
    }

    #[test]
    fn an_address_is_said_in_brackets() {
        for (address, said) in [
            ("192.0.2.7", "[192.0.2.7]"),
            ("2001:db8::7", "[IPv6:2001:db8::7]"),
            ("::ffff:192.0.2.7", "[192.0.2.7]"),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(literal(address).to_string(), said);
        }
    }

    #[tokio::test]
    async fn towards_this_machine_the_address_is_its_own() {
        assert_eq!(local_address("127.0.0.1", 25).await, Some(Ipv4Addr::LOCALHOST.into()));
    }
}
