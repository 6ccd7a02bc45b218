#!/bin/sh
# What the tests start themselves: PostgreSQL, RabbitMQ (with Erlang), Prometheus, a browser without a window
# (Chromium), and the shells zsh and fish, below the checkout.
#
#   tools/install_servers.sh           unpack those that the system does not have
#   tools/install_servers.sh remove    remove what was unpacked
#
# The distribution's packages are downloaded and unpacked into .hallmark/servers/root; nothing is installed, whoever
# runs it. Only where root's checkout lies in a folder that the servers' user (nobody) cannot enter are they unpacked
# under /var/tmp; that is said before, and .hallmark/servers is then a link to that place.
set -eu
cd "$(dirname "$0")/.."
place=.hallmark/servers
say() { printf 'hallmark: %s\n' "$1"; }

remove() {
    if [ -L $place ]; then rm -rf "$(readlink -f $place)"; fi
    rm -rf $place
}
if [ "${1:-}" = remove ]; then
    remove
    exit 0
fi

has() { case " $unpacked " in *" $1 "*) true ;; *) false ;; esac }

# What an earlier run has unpacked; each is written down once it is whole, so one that was interrupted is done again.
unpacked=$(cat $place/complete 2>/dev/null || true)
needed=""
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || has postgresql || needed="$needed postgresql"
ls /usr/lib/rabbitmq/lib/*/sbin/rabbitmq-server >/dev/null 2>&1 || has rabbitmq-server || needed="$needed rabbitmq-server"
# What checks the alerts and opens the console's pages is worth no failed set-up: its tests are left out where it cannot be had.
optional=""
command -v promtool >/dev/null 2>&1 || has prometheus || optional="$optional prometheus"
ls /usr/lib/chromium/chromium-headless-shell /usr/lib/chromium/chromium >/dev/null 2>&1 || has chromium-headless-shell ||
    optional="$optional chromium-headless-shell"
for shell in zsh fish; do
    command -v $shell >/dev/null 2>&1 || has $shell || optional="$optional $shell"
done
[ -n "$needed$optional" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    say "apt-get is missing: install$needed$optional by hand; the tests that need them are left out" >&2
    exit 0
fi

if [ ! -d $place ]; then
    remove
    mkdir -p .hallmark
    if [ "$(id -u)" = 0 ] && ! setpriv --reuid nobody --regid nogroup --clear-groups test -x "$PWD/.hallmark"; then
        target=$(mktemp -d /var/tmp/hallmark-servers-XXXXXX)
        say "the user nobody, as whom the test servers run, cannot enter $PWD: they go to $target (make distclean removes it)"
        chmod 755 "$target"
        ln -s "$target" $place
    else
        mkdir $place
    fi
fi
folder=$(readlink -f $place)
rm -rf "$folder/archives"
mkdir -p "$folder/lists/partial" "$folder/archives/partial" "$folder/root"

# A file rather than options: a folder's name may have any character but a quote.
cat >"$folder/apt.conf" <<END
Dir::State::Lists "$folder/lists";
Dir::Cache "$folder/archives";
Dir::Log "$folder/archives";
Debug::NoLocking "1";
APT::Sandbox::User "$(id -un)";
END
export APT_CONFIG="$folder/apt.conf"
say "reading the distribution's package lists"
if ! apt-get -qq update; then
    [ -z "$needed" ] || exit 1
    say "the package lists cannot be read: the tests that need$optional are left out" >&2
    exit 0
fi

# Download packages with what they depend on, and unpack them.
get() {
    packages=$(apt-get -qq install -s --no-install-recommends "$@") || return 1
    packages=$(echo "$packages" | sed -n 's/^Inst \([^ ]*\).*/\1/p')
    # shellcheck disable=SC2086
    size=$(cd "$folder/archives" && apt-get -qq download --print-uris $packages |
        awk '{ bytes += $3 } END { print NR " packages, " int(bytes / 1000000) " MB" }')
    say "downloading $size, for $*"
    # shellcheck disable=SC2086
    (cd "$folder/archives" && apt-get -qq download $packages) || return 1
    count=0
    for file in "$folder"/archives/*.deb; do
        dpkg -x "$file" "$folder/root" || return 1
        rm "$file"
        count=$((count + 1))
        [ $((count % 10)) -ne 0 ] || echo "  $count of $size are unpacked"
    done
}

if [ -n "$needed" ]; then
    # shellcheck disable=SC2086
    get $needed || exit 1
    # Erlang's launchers carry the path of an installation; point them at this one.
    erlang=usr/lib/erlang
    [ ! -d "$folder/root/$erlang" ] || find "$folder/root/$erlang" -type f \
        \( -name erl -o -name start -o -name start_erl \) -exec sed -i "s#/$erlang#$folder/root/$erlang#g" {} +
    unpacked="$unpacked$needed"
    echo "$unpacked" >"$folder/complete"
fi
for package in $optional; do
    if get "$package"; then
        unpacked="$unpacked $package"
        echo "$unpacked" >"$folder/complete"
    else
        say "$package could not be had: the tests that need it are left out" >&2
    fi
done
rm -rf "$folder/lists" "$folder/archives" "$folder/apt.conf"
say "the test servers are in $folder, $(du -sm "$folder" | cut -f 1) MB"
