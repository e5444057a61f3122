//! Drift: corrected in one run, and contested where somebody makes it again and again.

use super::{cannot_boot, hello, server};

#[test]
fn a10_11_drift_is_corrected_in_one_run_and_its_text_kept() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("drift");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    let state = "cat /etc/hello.conf; stat -c '%a %U' /etc/hello.conf; systemctl is-active hello; systemctl is-enabled hello; dpkg-query -W hello-fleet";
    let right = server.run(state).well();
    for damage in [
        "echo mine > /etc/hello.conf",
        "chmod 777 /etc/hello.conf; chown nobody /etc/hello.conf",
        "rm /etc/hello.conf",
        "systemctl stop hello",
        "systemctl disable -q hello",
        "systemctl mask -q --now hello",
        "mv /srv/repository /srv/away; apt-get -qq -y --allow-change-held-packages purge hello-fleet",
    ] {
        server.run(damage).well();
        // Others are for another test.
        let said = server.agent();
        assert_eq!(server.run(state).out, right, "{damage}: {said:#}");
    }
    let kept = server.run("fleetsheet-agent drift file:/etc/hello.conf").well();
    assert!(kept.contains("    mine\n"), "{kept}");
}

#[test]
fn a10_11_what_is_changed_again_and_again_is_contested() {
    if cannot_boot() {
        return;
    }
    let (server, repository) = server("contested");
    repository.release("1.0.0", &[("web.yaml", &hello("1.0-1", "one", "/bin/true"))]);
    server.tag(Some("1.0.0"));
    server.agent_until("ok", 2);
    for state in ["ok", "ok", "contested"] {
        server.run("echo mine > /etc/hello.conf").well();
        assert_eq!(server.agent()["state"], state);
    }
    assert!(
        server
            .reported("ReleaseAgent")
            .unwrap()
            .starts_with("contested file:/etc/hello.conf @")
    );
}
