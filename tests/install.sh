#!/bin/sh
# Installs what the tests need from Debian (12 or later): registries, registry clients, proxies,
# load tools, Prometheus, Node.js, Python, a browser. Run it as root or with sudo, as often as you
# like: it installs only what is missing. The tests start these programs themselves, on addresses of
# their own, so no service that this script installs is started, now or at the next boot. What Debian
# has not, or too old (kubectl, helm; the registry clients of today, from its unstable distribution), the
# tests install for themselves below `target`.
#
#   tests/install.sh            install
#   tests/install.sh --check    only say what is missing; fails when something is
set -eu

# program:package, or file:package for what is no program
NEEDED="
docker-registry:docker-registry
containerd:containerd
ctr:containerd
dockerd:docker.io
docker:docker.io
docker-compose:docker-compose
skopeo:skopeo
podman:podman
buildah:buildah
umoci:umoci
bwrap:bubblewrap
nginx:nginx-light
/usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream
haproxy:haproxy
nghttp:nghttp2-client
h2load:nghttp2-client
nghttpx:nghttp2-proxy
varnishd:varnish
hitch:hitch
squid:squid
lighttpd:lighttpd
/usr/lib/lighttpd/mod_openssl.so:lighttpd-mod-openssl
prometheus:prometheus
promtool:prometheus
node:nodejs
npm:npm
htpasswd:apache2-utils
apache2:apache2-bin
slowhttptest:slowhttptest
pebble:pebble
pebble-challtestsrv:pebble
testssl:testssl.sh
chromium:chromium
chromedriver:chromium-driver
curl:curl
mandoc:mandoc
openssl:openssl
unshare:util-linux
nsenter:util-linux
setpriv:util-linux
prlimit:util-linux
strace:strace
valgrind:valgrind
faketime:faketime
setsid:util-linux
mount:mount
ip:iproute2
ldd:libc-bin
tar:tar
systemd-analyze:systemd
systemd-sysusers:systemd
kill:procps
pip3:python3-pip
c++:g++
"
# What these packages would start.
SERVICES="docker-registry containerd docker.service docker.socket podman.service podman.socket
podman-auto-update.timer podman-restart.service nginx haproxy prometheus prometheus-node-exporter
nghttpx varnish varnishncsa hitch squid lighttpd"

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
POLICY=/usr/sbin/policy-rc.d

missing_packages() {
    {
        for pair in $NEEDED; do
            command -v "${pair%%:*}" >/dev/null 2>&1 || [ -f "${pair%%:*}" ] || echo "${pair##*:}"
        done
        # A module, without a program of its own.
        python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || echo python3-venv
    } | sort -u
}

missing=$(missing_packages)
if [ -z "$missing" ]; then
    echo "tests/install.sh: everything that the tests need is here"
    exit 0
fi
echo "tests/install.sh: missing:" $missing
[ "${1:-}" = "--check" ] && exit 1

if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "tests/install.sh: needs root or sudo" >&2; exit 1; }
    echo "tests/install.sh: not root, going on with sudo"
    exec sudo "$0" "$@"
fi
command -v apt-get >/dev/null 2>&1 || {
    echo "tests/install.sh: no apt-get here; install these programs another way" >&2
    exit 1
}

# invoke-rc.d asks this file before it starts a service; 101 forbids it. One that is there already
# is the administrator's, and stays.
if [ ! -e "$POLICY" ]; then
    trap 'rm -f "$POLICY"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
fi

export DEBIAN_FRONTEND=noninteractive
echo "tests/install.sh: apt-get update"
apt-get update -q
# From Debian 13 on the docker command is a package of its own.
case " $missing " in
*docker.io*) if apt-cache show docker-cli >/dev/null 2>&1; then missing="$missing docker-cli"; fi ;;
esac
known=""
if command -v systemctl >/dev/null 2>&1; then
    for service in $SERVICES; do
        case "$(systemctl is-enabled "$service" 2>/dev/null)" in
        "" | not-found) ;;
        *) known="$known $service" ;;
        esac
    done
fi
echo "tests/install.sh: apt-get install" $missing
# shellcheck disable=SC2086 # a list of words
apt-get install -q -y --no-install-recommends $missing

# Packages enable their services for the next boot. Those that were on the machine before stay as
# they were.
if command -v systemctl >/dev/null 2>&1; then
    for service in $SERVICES; do
        case " $known " in
        *" $service "*) ;;
        *) systemctl disable --quiet "$service" >/dev/null 2>&1 || true ;;
        esac
    done
fi

missing=$(missing_packages)
if [ -n "$missing" ]; then
    echo "tests/install.sh: still missing:" $missing >&2
    exit 1
fi
echo "tests/install.sh: done"
