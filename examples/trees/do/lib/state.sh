# shellcheck shell=bash
# What this project has created, in .mcc/state.json: never configuration, always written whole.
#
#   {"resources": [{"type", "id", "region", "account", "since"}, ...], "facts": {NAME: value}}
#
# A resource is recorded before the call that creates it, and forgotten when its deletion is
# confirmed, so that do/clean finds everything after any interruption.
#
# Every TYPE has two functions in do/lib: exists_TYPE ID and remove_TYPE ID (hyphens as
# underscores). exists_ answers 0 or 1, remove_ answers 0 when the resource is gone.

STATE_FILE=.mcc/state.json

# The state as JSON on stdout, for jq.
state_read() {
  if [ -s "$STATE_FILE" ]; then
    cat "$STATE_FILE"
  else
    printf '{"resources":[],"facts":{}}\n'
  fi
}

# state_check: once for each script, when this file is read.
state_check() {
  if [ -s "$STATE_FILE" ] && command -v jq >/dev/null && ! jq -e '.resources and .facts' "$STATE_FILE" >/dev/null 2>&1; then
    fail "$STATE_FILE is not readable" 'restore it, or move it away and delete the resources by hand'
  fi
}
state_check

# The new state on stdin replaces the file in one step.
state_write() {
  local next
  mkdir -p .mcc
  next=$(mktemp .mcc/state.XXXXXX) && cat >"$next" && [ -s "$next" ] && mv -f "$next" "$STATE_FILE" && return 0
  rm -f "$next"
  fail "$STATE_FILE could not be written"
}

# state_record TYPE ID: before creating it. Recording twice keeps the first entry.
state_record() {
  state_read | jq --arg type "$1" --arg id "$2" --arg region "$REGION" --arg account "$ACCOUNT_ID" --arg since "$(utc_now)" '
    if any(.resources[]; .type == $type and .id == $id) then .
    else .resources += [{$type, $id, $region, $account, $since}] end' | state_write || exit 1
}

# state_forget TYPE ID: after its deletion is confirmed.
state_forget() {
  state_read | jq --arg type "$1" --arg id "$2" '.resources |= map(select(.type != $type or .id != $id))' |
    state_write || exit 1
}

state_has() {
  state_read | jq -e --arg type "$1" --arg id "$2" 'any(.resources[]; .type == $type and .id == $id)' >/dev/null
}

# state_ids TYPE: the ids of that type, oldest first, one a line.
state_ids() { state_read | jq -r --arg type "$1" '.resources[] | select(.type == $type) | .id'; }

# state_set NAME VALUE..., state_get NAME: facts about the deployment; '' is the same as unset.
state_set() {
  state_read | jq 'reduce range(0; $ARGS.positional | length; 2) as $i (.;
    .facts[$ARGS.positional[$i]] = $ARGS.positional[$i + 1]) | .facts |= with_entries(select(.value != ""))' --args "$@" |
    state_write || exit 1
}
state_get() { state_read | jq -r --arg name "$1" '.facts[$name] // ""'; }

# claim TYPE ID: may this project create ID? Yes when it is not there; an existing one must be
# ours. Answers 0 when it has to be created (now recorded), 1 when it is there already.
claim() {
  if "exists_${1//-/_}" "$2"; then
    state_has "$1" "$2" && return 1
    fail "$1 $2 exists already and was not created by this project" \
      'choose another project name, or delete it yourself if it is yours'
  fi
  state_record "$1" "$2"
}

# forget_if_taken TYPE ID: when a create call lost a race, the resource is somebody else's.
forget_if_taken() {
  if grep -Eq 'AlreadyExist|already exist|EntityAlreadyExists' "$MCC_TMP/aws-error"; then state_forget "$1" "$2"; fi
}

# drop TYPE ID: delete it now and forget it. When AWS refuses (4) or takes too long (5) it stays recorded.
drop() {
  "remove_${1//-/_}" "$2" || return $?
  state_forget "$1" "$2"
  info "  deleted $1 $2"
}

# state_lock: one deploy or clean of a project at a time. A lock left by a dead script is taken over.
state_lock() {
  local owner
  mkdir -p .mcc
  if ! mkdir .mcc/lock 2>/dev/null; then
    owner=$(cat .mcc/lock/pid 2>/dev/null || true)
    if [ -n "$owner" ] && kill -0 "$owner" 2>/dev/null; then
      fail "another script of this project is running (process $owner)" 'wait for it to end'
    fi
  fi
  printf '%s\n' "$$" >.mcc/lock/pid
  at_exit state_unlock
}
state_unlock() { rm -rf .mcc/lock; }
