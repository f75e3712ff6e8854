# One machine with one job, from its first file to its end. To be sourced by run.sh, which sets what is used:
# run (a directory of its own), image, qemu, here, repository, and what the options say.
#
# The job is in the initrd, so that nothing has to be said to a machine that runs: it mounts the work tree,
# runs the job, writes its status to a port, and turns itself off.

helpers=()

clean_up() {
  local helper
  trap '' INT TERM
  for helper in "${helpers[@]}"; do kill "$helper" 2>/dev/null && wait "$helper" 2>/dev/null; done
  rm -rf --one-file-system "${run:?}"
}

# The program ends with us, however we end, and at the deadline.
bounded() {  # SECONDS PROGRAM [ARG]...
  local limit=$1
  shift
  exec setpriv --pdeathsig TERM -- timeout --kill-after=5 "$limit" setpriv --pdeathsig KILL -- "$@"
}

write_job() {  # COMMAND [ARG]...
  local files=$run/initrd/files/usr/lib/tsoci-vm variable home=/root
  cp -a "$image/initrd" "$run/initrd"
  cp -a "$here/guest/." "$run/initrd/files/"
  chown -R 0:0 "$run/initrd/files"
  install -m 755 "$here/initrd-init" "$run/initrd/init"
  printf 'SHARED=%q CREDENTIALS=%q NOW=%q\n' "$repository" "$credentials" "$(date +%s.%N)" >"$files/job.conf"
  {
    [ "$credentials" = root ] || {
      home=/home/tester
      echo 'export USER=tester LOGNAME=tester XDG_RUNTIME_DIR=/run/user/1000'
    }
    [ "$credentials:$manager" != user:systemd ] ||
      echo 'export DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus'
    echo "unset LC_ALL; export HOME=$home LANG=C.UTF-8"
    echo 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    for variable in "${variables[@]}"; do printf 'export %q\n' "$variable"; done
    printf 'cd -- %q || exit 125\nexec' "$PWD"
    printf ' %q' "$@"
    echo
  } >"$files/job"
  (cd "$run/initrd" && find . -print0 | cpio -0 -o -H newc --quiet >"$run/initrd.img")
}

share_work_tree() {
  local daemon candidate spelling
  for candidate in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    [ ! -x "$candidate" ] || { daemon=$candidate; break; }
  done
  [ -n "${daemon:-}" ] || refuse 'there is no virtiofsd'
  # Debian 13's is another program, which spells its options otherwise.
  if "$daemon" --help 2>&1 | grep -q -- --shared-dir; then
    spelling=(--shared-dir="$repository" --cache=always --xattr --modcaps=+sys_admin --inode-file-handles=never)
  else
    spelling=(-o "source=$repository,cache=always,xattr,modcaps=+sys_admin")
  fi
  bounded $((seconds + 60)) "$daemon" --socket-path="$run/share" "${spelling[@]}" >"$run/share.log" 2>&1 &
  helpers+=($!)
  for ((tries = 0; tries < 200; tries++)); do
    [ ! -S "$run/share" ] || return 0
    sleep 0.05
  done
  cat "$run/share.log" >&2
  say 'virtiofsd did not start'
  exit 125
}

# A /dev/kvm without these flags takes no ordinary guest.
accelerator() {
  if grep -qwE 'vmx|svm' /proc/cpuinfo && [ -w /dev/kvm ]; then
    echo '-accel kvm -cpu host'
  else
    echo '-accel tcg,thread=multi,tb-size=512 -cpu max,la57=off'
  fi
}

run_machine() {
  local outcome status kernel_line machine copies=()
  kernel_line='console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable no_timer_check audit=0 nowatchdog'
  kernel_line+=' rcupdate.rcu_expedited=1 random.trust_cpu=on cgroup_no_v1=all hugepages=8 net.ifnames=0'
  [ "$manager" = init ] || kernel_line+=' tsoci.init=/sbin/init systemd.show_status=0'
  share_work_tree
  mkfifo "$run/out" "$run/err"
  cat <"$run/out" & copies+=($!)
  cat <"$run/err" >&2 & copies+=($!)
  helpers+=("${copies[@]}")

  # The memory is shared with virtiofsd, which reads and writes it in the machine's stead.
  bounded "$seconds" "${qemu[@]}" -M pc,usb=off,vmport=off,memory-backend=mem $(accelerator) \
    -smp "$cpus" -m "$memory" -object "memory-backend-memfd,id=mem,size=${memory}M,share=on" \
    -nodefaults -no-user-config -display none -no-reboot -serial "file:$run/console" \
    -kernel "$image/vmlinuz" -initrd "$run/initrd.img" -append "$kernel_line" \
    -drive "if=none,id=root,file=$image/root.img,format=raw,snapshot=on,cache=unsafe" \
    -device virtio-blk-pci,drive=root -device virtio-rng-pci \
    -chardev "socket,id=share,path=$run/share" -device vhost-user-fs-pci,chardev=share,tag=shared \
    -device virtio-serial-pci \
    -chardev "file,id=out,path=$run/out" -device virtserialport,chardev=out,name=out \
    -chardev "file,id=err,path=$run/err" -device virtserialport,chardev=err,name=err \
    -chardev "file,id=status,path=$run/status" -device virtserialport,chardev=status,name=status \
    </dev/null >"$run/qemu.log" 2>&1 &
  machine=$!
  helpers+=("$machine")
  wait "$machine"
  outcome=$?
  # The writers' ends are closed by now, unless the machine never opened them.
  [ -s "$run/status" ] && wait "${copies[@]}"
  read -r status <"$run/status" && exit "$status"
  if [ "$outcome" = 124 ]; then
    say "the machine ran longer than $seconds s"
    exit 124
  fi
  say 'the machine ended before the command did'
  tail -n 15 "$run/console" "$run/qemu.log" 2>/dev/null | tr -d '\r' >&2
  exit 125
}
