#!/bin/bash
# Boot the Debian in the folder $1: namespaces of its own for processes, mounts, name and control
# groups, the network of this machine, and systemd as process 1. Ends when that does.
set -euo pipefail
export ROOT=$1 GROUP
GROUP=$(findmnt --noheadings --first-only --output TARGET --types cgroup2)/sioweb-guide-$$
mkdir "$GROUP"
trap 'find "$GROUP" -depth -type d -exec rmdir {} +' EXIT

boot() {
  mount --make-rprivate /
  mount --bind "$ROOT" "$ROOT"
  mount -t proc proc "$ROOT/proc"
  # What is set there would hold for this machine.
  mount --bind "$ROOT/proc/sys" "$ROOT/proc/sys"
  mount -o remount,ro,bind "$ROOT/proc/sys"
  mount -t sysfs -o ro sysfs "$ROOT/sys"
  mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 tmpfs "$ROOT/run"
  mount -t tmpfs -o mode=755 tmpfs "$ROOT/dev"
  for device in null zero full random urandom tty; do
    touch "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
  done
  mkdir "$ROOT/dev/shm" "$ROOT/dev/pts"
  mount -t tmpfs -o mode=1777 tmpfs "$ROOT/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$ROOT/dev/pts"
  ln -s pts/ptmx "$ROOT/dev/ptmx"
  ln -s /proc/self/fd "$ROOT/dev/fd"
  hostname production
  cd "$ROOT"
  mkdir -p old
  pivot_root . old
  umount --lazy /old
  exec env -i container=guide PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd
}
export -f boot

# The group is the machine's before its namespace begins, so that this is all it sees.
(
  echo "$BASHPID" > "$GROUP/cgroup.procs"
  exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child bash -euc boot < /dev/null
)
