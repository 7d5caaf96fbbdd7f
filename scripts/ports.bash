# Free ports of 127.0.0.1, for scripts that start servers. Sourced, not run.

taken=' '
free_port() { # free_port NAME: sets the variable NAME
  local found
  for _ in $(seq 50); do
    found=$((20000 + RANDOM % 12000)) # below the range from which outgoing connections take theirs
    [[ $taken != *" $found "* ]] || continue
    (exec 3<>"/dev/tcp/127.0.0.1/$found") 2>/dev/null || { taken+="$found "; printf -v "$1" %s "$found"; return; }
  done
  return 1
}

# answers PORT: whether something listens there
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
