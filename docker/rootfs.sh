#!/bin/sh
# Puts into a folder what programs need to run and nothing else: themselves, the libraries that they are linked with, certificates of authorities,
# a user, and the list of the Debian packages that all this comes from (SPDX). No shell, no package manager.
#
#   docker/rootfs.sh FOLDER VERSION PROGRAM...
set -eu
root=$1 version=$2
shift 2
mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/tmp" "$root/usr/share/doc" "$root/usr/share/sbom"
chmod 1777 "$root/tmp"
cp "$@" "$root/usr/local/bin/"
for program in "$@"; do ldd "$program" | grep -oE '/[^ ]+'; done | sort -u >"$root/libraries"
while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done <"$root/libraries"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
mkdir -p "$root/usr/lib/ssl"
ln -s /etc/ssl/certs "$root/usr/lib/ssl/certs"
echo 'carillon:x:10001:10001::/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'carillon:x:10001:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
# Which packages: a library is known by the path that its package has, which may be without /usr or with it.
packages=$(while read -r library; do
    real=$(realpath "$library")
    dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || dpkg-query -S "/usr$real" 2>/dev/null || echo "unknown library $real" >&2
done <"$root/libraries" | sed 's/: .*//' | sort -u; echo ca-certificates)
rm "$root/libraries"
{
    printf '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"carillon-%s",' "$version"
    printf '"documentNamespace":"https://spdx.org/spdxdocs/carillon-%s-%s","creationInfo":{"created":"%s","creators":["Tool: docker/rootfs.sh"]},' \
        "$version" "$(cat "$root"/usr/local/bin/* | sha256sum | cut -c1-32)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
    printf '"packages":[{"SPDXID":"SPDXRef-carillon","name":"carillon","versionInfo":"%s","downloadLocation":"NOASSERTION","licenseDeclared":"Apache-2.0","filesAnalyzed":false}' "$version"
    # shellcheck disable=SC2086
    dpkg-query -W -f='${binary:Package} ${Version} ${source:Package} ${source:Version} ${Architecture}\n' $packages | while read -r name its source source_version architecture; do
        name=${name%%:*}
        printf ',{"SPDXID":"SPDXRef-%s","name":"%s","versionInfo":"%s","sourceInfo":"built from %s %s","downloadLocation":"NOASSERTION","filesAnalyzed":false,' \
            "$(echo "$name" | tr -c 'A-Za-z0-9.\n-' -)" "$name" "$its" "$source" "$source_version"
        printf '"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/%s@%s?arch=%s"}]}' \
            "$(echo "$name" | sed 's/+/%2B/g')" "$(echo "$its" | sed 's/:/%3A/g; s/+/%2B/g; s/~/%7E/g')" "$architecture"
        # Their licences go with them.
        if [ -e "/usr/share/doc/$name/copyright" ]; then mkdir -p "$root/usr/share/doc/$name" && cp -L "/usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/"; fi
    done
    printf ']}\n'
} >"$root/usr/share/sbom/carillon.spdx.json"
