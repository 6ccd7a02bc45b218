#!/bin/sh
# Installs the servers that the tests start themselves: PostgreSQL and RabbitMQ (with Erlang).
#
#   tools/install_servers.sh [FOLDER]
#
# As root they come from the distribution as packages (no service is started). As an ordinary user the same packages
# are downloaded and unpacked under FOLDER (default: $HALLMARK_SERVERS or ~/.cache/hallmark/servers); nothing else on
# the machine changes. Does nothing for a server that is there already. tests/servers.py finds both places.
set -eu

folder="${1:-${HALLMARK_SERVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/hallmark/servers}}"

have_postgres() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 ||
        ls "$folder"/root/usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}
have_rabbitmq() {
    ls /usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server >/dev/null 2>&1 ||
        ls "$folder"/root/usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server >/dev/null 2>&1
}

wanted=""
have_postgres || wanted="$wanted postgresql"
have_rabbitmq || wanted="$wanted rabbitmq-server"
if [ -z "$wanted" ]; then
    echo "PostgreSQL and RabbitMQ are installed."
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "apt-get is missing: install$wanted by hand, or put their binaries under $folder/root." >&2
    exit 1
fi

if [ "$(id -u)" = 0 ] && [ -z "${HALLMARK_SERVERS_UNPACK:-}" ]; then
    guard=/usr/sbin/policy-rc.d
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
        trap 'rm -f "$guard"' EXIT
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    # shellcheck disable=SC2086
    apt-get -qq -y install --no-install-recommends $wanted
    exit 0
fi

mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/root"
apt="apt-get -qq -o Dir::State::Lists=$folder/lists -o Dir::Cache=$folder/archives -o Debug::NoLocking=1"
$apt -o APT::Sandbox::User="$(id -un)" update
# shellcheck disable=SC2086
packages=$($apt install -s --no-install-recommends $wanted | sed -n 's/^Inst \([^ ]*\).*/\1/p')
echo "Unpacking into $folder/root:" $packages
cd "$folder/archives"
# shellcheck disable=SC2086
$apt -o APT::Sandbox::User="$(id -un)" download $packages
for package in *.deb; do
    dpkg -x "$package" "$folder/root"
    rm "$package"
done
# Erlang's launchers carry the path of an installation; point them at this one.
find "$folder/root/usr/lib/erlang" -type f \( -name erl -o -name start -o -name start_erl \) \
    -exec sed -i "s#/usr/lib/erlang#$folder/root/usr/lib/erlang#g" {} +
