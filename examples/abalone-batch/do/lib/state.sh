# shellcheck shell=bash
# What this project has created, in .mcc/state.json: never configuration, always written whole.
#
#   {"resources": [{"type", "id", "region", "account", "project", "since"}, ...], "facts": {NAME: value}}
#
# A resource is known by type, id, Region and account. It is recorded before the call that creates it,
# and forgotten when its deletion is confirmed, so that do/clean finds everything after any interruption.
#
# Every TYPE has three functions in do/lib: exists_TYPE ID, owned_TYPE ID and remove_TYPE ID (hyphens
# as underscores). exists_ and owned_ answer 0 or 1, remove_ answers 0 when the resource is gone.

STATE_FILE=.mcc/state.json
# What the file says never chooses a function that is not of these.
STATE_TYPES='codebuild-build codebuild-project ecr-image ecr-repository endpoint endpoint-config iam-role
  inference-component kube-object metric-alarm s3-bucket s3-prefix sagemaker-model scalable-target transform-job'

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
  if [ ! -s "$STATE_FILE" ] || ! command -v jq >/dev/null; then return 0; fi
  jq -es --arg types "$STATE_TYPES" '($types | [splits("\\s+")]) as $types
    | def text($form): type == "string" and test("\\A(" + $form + ")\\z");
    length == 1 and (.[0] | (.facts | type == "object" and all(.[]; type == "string"))
      and (.resources | type == "array" and all(.[]; type == "object"
        and (.type as $type | $types | index([$type]) != null)
        and (.id | text("[^-\\p{Cc}][^\\p{Cc}]{0,1100}")) and (.region | text("[a-z0-9-]{1,40}"))
        and (.account // "" | text("([0-9]{12})?")) and (.project // "" | text("[A-Za-z0-9-]{0,100}")))))' \
    "$STATE_FILE" >/dev/null 2>&1 ||
    fail "$STATE_FILE is not what these scripts write" 'restore it, or move it away and delete the resources by hand'
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

# state_change JQ_ARGUMENT...: the state becomes what jq makes of it, one change after the other.
state_change() {
  local tries=0
  until lock_take .mcc/writing; do
    tries=$((tries + 1))
    [ "$tries" -lt 600 ] || fail "$STATE_FILE is being written by process $LOCK_OWNER" 'wait for it to end'
    sleep 0.05
  done
  state_read | jq "$@" | state_write || exit 1
  lock_free .mcc/writing
}

# Is the record the one of type $type and id $id in this Region and account?
# shellcheck disable=SC2016  # the variables are jq's
STATE_SAME='def same: .type == $type and .id == $id and .region == $region and (.account // "") == $account;'
state_same() { # TYPE ID: sets SAME, the arguments of jq for STATE_SAME
  SAME=(--arg type "$1" --arg id "$2" --arg region "$REGION" --arg account "$ACCOUNT_ID")
}

# state_record TYPE ID: before creating it. Recording twice keeps the first entry.
state_record() {
  state_same "$1" "$2"
  # shellcheck disable=SC2016  # the variables are jq's
  state_change "${SAME[@]}" --arg project "$PROJECT_NAME" --arg since "$(utc_now)" "$STATE_SAME"'
    if any(.resources[]; same) then . else .resources += [{$type, $id, $region, $account, $project, $since}] end'
}

# state_forget TYPE ID: after its deletion is confirmed.
state_forget() {
  state_same "$1" "$2"
  state_change "${SAME[@]}" "$STATE_SAME"' .resources |= map(select(same | not))'
}

state_has() {
  state_same "$1" "$2"
  state_read | jq -e "${SAME[@]}" "$STATE_SAME"' any(.resources[]; same)' >/dev/null
}

# state_ids TYPE: the ids of that type here, oldest first, one a line.
state_ids() {
  state_same "$1" ''
  state_read | jq -r "${SAME[@]}" "$STATE_SAME"' .resources[] | .id as $id | select(.type == $type) | .id'
}

# state_set NAME VALUE..., state_get NAME: facts about the deployment; '' is the same as unset.
state_set() {
  # shellcheck disable=SC2016  # the variables are jq's
  state_change 'reduce range(0; $ARGS.positional | length; 2) as $i (.;
    .facts[$ARGS.positional[$i]] = $ARGS.positional[$i + 1]) | .facts |= with_entries(select(.value != ""))' --args "$@"
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

# discard TYPE ID: deletes what is this project's, by its own tag or name and not only by the record. 0 when it
# is gone, 1 when it stays because it is not ours, 4 when AWS refuses, 5 when it takes too long.
OWNER=$PROJECT_NAME
discard() {
  local kind=${1//-/_} status=0
  # In a shell of its own: a question that ends the script is no answer.
  (if exists_"$kind" "$2"; then exit 10; else exit 11; fi) || status=$?
  case $status in
    10) ;;
    11) return 0 ;;
    *) return "$status" ;;
  esac
  status=0
  owned_"$kind" "$2" || status=$?
  if [ "$status" = 1 ]; then
    warn "$1 $2 in $REGION stays: nothing shows that project $OWNER made it (tag mcc:project)"
    hint "if it is yours, delete it yourself, and then its record in $STATE_FILE"
  fi
  if [ "$status" != 0 ]; then return "$status"; fi
  remove_"$kind" "$2"
}

# tagged FILE JQ: is the tag that JQ finds there this project's?
tagged() { [ "$(jq -r "$2" "$1")" = "$OWNER" ]; }

# drop TYPE ID: delete it now and forget it. When that fails it stays recorded.
drop() {
  discard "$1" "$2" || return $?
  state_forget "$1" "$2"
  info "  deleted $1 $2"
}

# begin_changes: for scripts that create something. One at a time, and in one place: what is recorded in
# another Region or account or under another name has to be cleaned up first, or nobody would find it again.
begin_changes() {
  aws_identity
  state_lock
  same_place
}

same_place() {
  local elsewhere named
  elsewhere=$(state_read | jq -r --arg region "$REGION" --arg account "$ACCOUNT_ID" --arg project "$PROJECT_NAME" '
    .resources[] | (.account // "") as $of | (.project // $project) as $for
    | select(.region != $region or ($account != "" and $of != $account) or $for != $project)
    | "\(.type) \(.id), in \(.region), account \(if $of == "" then "unknown" else $of end), project \($for)"')
  if [ -n "$elsewhere" ]; then
    printf 'error: this is project %s in %s, account %s, but elsewhere there is still:\n' \
      "$PROJECT_NAME" "$REGION" "${ACCOUNT_ID:-unknown}" >&2
    printf '%s\n' "$elsewhere" | sed 's/^/  /' >&2
    named=$(state_read | jq -r --arg project "$PROJECT_NAME" '[.resources[].project // $project | select(. != $project)] | first // ""')
    hint "first run do/clean${named:+ --project $named}, with credentials of that account: it deletes each where it is; or set do/config back"
    exit 1
  fi
  named=$(jq -r '.[] | select(.Key == "mcc:project") | .Value' deploy/tags.json)
  if [ "$named" != "$PROJECT_NAME" ]; then
    fail "do/config says project $PROJECT_NAME, deploy/tags.json says $named" \
      "rename it with: mcc generate --from . --project-dir . --update --project-name $PROJECT_NAME"
  fi
  named=$(state_read | jq -r '.resources[].type' | while IFS= read -r type; do
    can_remove "$type" || printf '%s\n' "$type"
  done)
  if [ -n "$named" ]; then
    fail "recorded, but unknown to the target $DEPLOYMENT_TARGET: ${named//$'\n'/, }" \
      'generate with the former target again, run do/clean, then change the target'
  fi
}

# can_remove TYPE: do the scripts of this target know how?
can_remove() { grep -q "^remove_${1//-/_}()" do/lib/*.sh; }

# Locks. A lock is a symbolic link to the number of the process that holds it: made in one step, with
# its content, or not at all. What a dead process has left may be replaced only by the one that holds
# the lock PATH+, again in one step.

# lock_take PATH: 0 when this process has it now, 1 when another does (LOCK_OWNER; '' when it was just freed).
LOCK_OWNER=''
lock_take() {
  mkdir -p .mcc
  own_process
  if ln -s "$ME" "$1" 2>/dev/null; then return 0; fi
  if lock_is_held "$1"; then return 1; fi
  lock_take "$1+" || return 1
  if lock_is_held "$1" || ! ln -s "$ME" "$1.$ME" || ! mv -f "$1.$ME" "$1"; then
    lock_free "$1+"
    return 1
  fi
  lock_free "$1+"
}
# Held, or free by now: either way not to be replaced.
lock_is_held() {
  LOCK_OWNER=$(readlink "$1" 2>/dev/null) || return 0
  [ "$LOCK_OWNER" != "$ME" ] && is_alive "$LOCK_OWNER"
}
lock_free() {
  own_process
  if [ "$(readlink "$1" 2>/dev/null)" = "$ME" ]; then rm -f "$1"; fi
}
# own_process: sets ME. In a subshell $$ is its parent's number, and bash 3.2 has no BASHPID.
ME=''
own_process() {
  ME=${BASHPID:-}
  # shellcheck disable=SC2016  # the variable is that shell's
  if [ -z "$ME" ]; then ME=$(exec sh -c 'echo "$PPID"'); fi
}
# Somebody else's process cannot be signalled, but is there.
is_alive() {
  kill -0 "$1" 2>/dev/null || LC_ALL=C kill -0 "$1" 2>&1 | grep -q 'not permitted'
}

# state_lock: one script that changes things at a time.
state_lock() {
  local tries=0
  until lock_take .mcc/running; do
    tries=$((tries + 1))
    if [ -n "$LOCK_OWNER" ]; then
      fail "another script of this project is running (process $LOCK_OWNER)" \
        'wait for it to end; if there is none, delete .mcc/running'
    fi
    [ "$tries" -lt 100 ] || fail 'there can be no lock in .mcc' 'symbolic links have to be possible there'
    sleep 0.05
  done
  at_exit state_unlock
}
state_unlock() { lock_free .mcc/running; }
