#!/bin/bash
# User data of a server: installs what the agent needs, the agent, its configuration and its unit.
#   AGENT_URL   where the program is            SOURCE_URL  the cookbook repository (https://, ssh:// or file:///)
#   AGENT_SHA256  its checksum                  SIGNERS     lines for allowed_signers: who may sign a release
set -euo pipefail
: "${AGENT_URL:?where fleetsheet-agent is}" "${AGENT_SHA256:?its checksum}" "${SOURCE_URL:?the cookbook repository}" "${SIGNERS:?who may sign}"

export DEBIAN_FRONTEND=noninteractive
# unattended-upgrades may hold the locks at boot; apt-get update does not wait for its own.
for _ in $(seq 60); do apt-get -q update && break || sleep 5; done
apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends ca-certificates curl git openssh-client

program=$(mktemp)
curl --fail --silent --show-error --location --proto '=https,file' --output "$program" "$AGENT_URL"
echo "$AGENT_SHA256  $program" | sha256sum --check --quiet
install -m 0755 "$program" /usr/local/bin/fleetsheet-agent
rm -f "$program"

install -d -m 0755 /etc/fleetsheet-agent
install -d -m 0700 /etc/fleetsheet-agent/secrets
printf '%s\n' "$SIGNERS" >/etc/fleetsheet-agent/allowed_signers
if [ ! -e /etc/fleetsheet-agent/agent.toml ]; then
  printf '[source]\nurl = "%s"\n' "$SOURCE_URL" >/etc/fleetsheet-agent/agent.toml
fi
chmod 0644 /etc/fleetsheet-agent/agent.toml /etc/fleetsheet-agent/allowed_signers

cat >/etc/systemd/system/fleetsheet-agent.service <<'UNIT'
[Unit]
Description=Makes this server what its release tags say
Wants=network-online.target
After=network-online.target
# It is started again for ever: an agent that gave up would leave a way back unfinished.
StartLimitIntervalSec=0

[Service]
ExecStart=/usr/local/bin/fleetsheet-agent run
Restart=always
RestartSec=10s
# The act under way is finished; apt is in a unit of its own and goes on by itself.
KillMode=process
TimeoutStopSec=15min
# What makes a server right again is the last that the kernel should kill.
OOMScoreAdjust=-500
# A core would hold secrets.
LimitCORE=0
Nice=5
UMask=0077
# It installs packages, writes anywhere in /etc and starts services, as root: a sandbox that forbids one of these forbids its work,
# and what it starts would be in the same sandbox. So only what none of that needs is taken away.
ProtectClock=yes
RestrictRealtime=yes
LockPersonality=yes
ProtectKernelLogs=yes

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now fleetsheet-agent.service
# Says what is missing, as instance metadata tags or a role; the agent goes on trying.
fleetsheet-agent check || true
