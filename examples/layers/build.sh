#!/bin/sh
# Builds image.tar (as `docker save` writes it) from the Dockerfile, byte for byte the same on every run.
# Needs buildah, busybox-static and root. With docker: `docker build` on the directory that this script prepares.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=strata.example/layers:sample
work=$(mktemp -d)
buildah() {
  command buildah --root "$work/storage" --runroot "$work/run" --storage-driver overlay "$@"
}
clean() {
  umount "$work"/storage/overlay/*/merged "$work/storage/overlay" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT

context=$work/context
mkdir "$context"
cp -R "$here/Dockerfile" "$here/app" "$here/base" "$context"
# What git cannot keep: empty directories, a symlink, exact modes.
for directory in dev proc root run sys tmp; do mkdir -p "$context/base/$directory"; done
ln -s ../run "$context/base/var/run"
find "$context/base" "$context/app" -type d -exec chmod 0755 {} +
find "$context/base" "$context/app" -type f -exec chmod 0644 {} +
chmod 0755 "$context/base/usr/bin/welcome"
chmod 0600 "$context/app/deploy.key"
chmod 0700 "$context/base/root"
chmod 1777 "$context/base/tmp"
mkdir "$context/tools"
cp "$(command -v busybox)" "$context/tools/sh"
for applet in chmod chown ln mkdir rm; do ln -s sh "$context/tools/$applet"; done

# `--isolation chroot` leaves a container's /dev, /proc and /sys alone; the timestamp makes layers reproducible.
buildah bud --quiet --layers --timestamp 1700000000 --isolation chroot --tag "$name" "$context" >/dev/null
rm -f "$here/image.tar"
buildah push --quiet "$name" "docker-archive:$work/image.tar:$name"
mv "$work/image.tar" "$here/image.tar"
