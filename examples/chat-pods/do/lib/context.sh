# shellcheck shell=bash
# What the image is built from: the files that .dockerignore lets in, as one digest and as one archive.

# Never sent and never counted, whatever .dockerignore says: keys and credentials, at any depth.
SECRETS='(^|/)([.]env[^/]*|[.](git|aws|ssh|netrc|pgpass|pypirc|npmrc)|id_(rsa|dsa|ecdsa|ed25519)[^/]*|credentials|[^/]*[.](pem|key|p12|pfx))(/|$)'

# list_entries FOLDERS: "KIND path" of what is directly in the folders that the file names, each on a line: line ends in names
# become \1.
list_entries() {
  local kind
  for kind in d f l; do
    # shellcheck disable=SC2016  # the inner shell's
    tr '\n' '\0' <"$1" | xargs -0 sh -c 'kind=$1 && shift && exec find "$@" -mindepth 1 -maxdepth 1 -type "$kind" -print0' \
      sh "$kind" | LC_ALL=C tr '\n\0' '\001\n' | sed -e 's|^\./||' -e "s|^|$kind |"
  done
}

# let_in: of the lines "KIND path" on stdin (f: a file, l: a link, d: a folder) those that .dockerignore lets in, and the
# Dockerfile. Folders also where a rule may let something in below them, and nothing else has to be looked into.
let_in() {
  # shellcheck disable=SC2016  # the variables are jq's
  jq -nRr --rawfile ignore .dockerignore '
    def regex: gsub("(?<c>[.+(){}|$])"; "\\\(.c)") | gsub("(?<!\\[)\\^"; "\\^") | gsub("\\*\\*/"; "\u0001")
      | gsub("\\*\\*"; "\u0002") | gsub("\\*"; "[^/]*") | gsub("\\?"; "[^/]") | gsub("\u0001"; "(.*/)?")
      | gsub("\u0002"; ".*") | "\\A" + . + "\\z";
    def reaches($parts; $folder): (reduce range($folder | length) as $n ("on";
        if . != "on" then . elif $n >= ($parts | length) then "no" elif $parts[$n].deep then "yes"
        else . as $on | if ($folder[$n] | test($parts[$n].form)) then $on else "no" end end))
      | . == "yes" or (. == "on" and ($parts | length) > ($folder | length));
    [$ignore | split("\n")[] | sub("\\s+$"; "") | sub("^\\s+"; "") | select(startswith("#") | not)
      | {not: startswith("!"), rule: (sub("^!\\s*"; "") | sub("^(\\./|/)+"; "") | sub("/+$"; ""))} | select(.rule != "")
      | {not, form: (.rule | regex), parts: [.rule | split("/")[] | {deep: contains("**"), form: regex}]}] as $rules
    | inputs | .[2:] as $path | ($path | split("/")) as $names | [range(1; ($names | length) + 1) as $n | $names[:$n] | join("/")] as $folders
    | select($names[-1] != ".git" and $path != ".mcc" and $path != ".venv")
    | select($path == "Dockerfile" or (reduce $rules[] as $rule (true;
        if . == $rule.not then . elif any($folders[]; test($rule.form)) then $rule.not else . end))
      or (startswith("d ") and any($rules[]; .not and reaches(.parts; $names))))'
}

# only_plain_names: the paths of stdin; the end of the script if one cannot be sent and counted everywhere alike.
only_plain_names() {
  local odd
  cat >"$MCC_TMP/names"
  odd=$(grep -Ev "$SECRETS" "$MCC_TMP/names" | LC_ALL=C grep -m 1 -e '[\\[:cntrl:]]' -e $'\357\277\275') || true
  if [ -n "$odd" ]; then
    odd=$(printf '%s' "$odd" | LC_ALL=C tr '\001-\037\177' '?')
    fail "a file has a backslash, a control character or a character that is not UTF-8 in its name: $odd" 'rename it'
  fi
  cat "$MCC_TMP/names"
}

# context_files: what the image is built from; tells what is left out. Folder by folder: one that nothing is let in
# from costs nothing. Docker copies links, an archive would not have what they lead to: they are refused.
context_files() {
  local link
  if [ ! -f .dockerignore ]; then fail 'there is no .dockerignore' 'restore it'; fi
  printf '.\n' >"$MCC_TMP/folders"
  : >"$MCC_TMP/found"
  while [ -s "$MCC_TMP/folders" ]; do
    list_entries "$MCC_TMP/folders" >"$MCC_TMP/entries" || fail 'a folder could not be read'
    let_in <"$MCC_TMP/entries" >"$MCC_TMP/level" || fail '.dockerignore could not be read' 'see its rules'
    cut -c 3- "$MCC_TMP/level" | only_plain_names >/dev/null || exit 1
    sed -n 's|^d |./|p' "$MCC_TMP/level" >"$MCC_TMP/folders"
    sed '/^d /d' "$MCC_TMP/level" >>"$MCC_TMP/found"
  done
  link=$(sed -n 's/^l //p' "$MCC_TMP/found" | grep -Evm 1 "$SECRETS") || true
  if [ -n "$link" ]; then fail "$link is a link, which not every build can follow" 'replace it by the file or folder, or exclude it in .dockerignore'; fi
  sed 's/^. //' "$MCC_TMP/found" | LC_ALL=C sort >"$MCC_TMP/files"
  grep -E "$SECRETS" "$MCC_TMP/files" | sed 's/^\(.*\)$/warning: left out of the sources: \1: it may hold a secret/' >&2 || true
  grep -Ev "$SECRETS" "$MCC_TMP/files"
}

if command -v sha256sum >/dev/null 2>&1; then SHA256=(sha256sum); else SHA256=(shasum -a 256); fi

# context_digest: of names, contents and whether they can be executed. Requests in test/ are not counted: a build
# tries them, and they change nothing of what serves.
context_digest() {
  local file
  need_tools "${SHA256[0]}" find xargs
  context_files >"$MCC_TMP/context" || return 1
  grep -v '^test/' "$MCC_TMP/context" >"$MCC_TMP/counted" || fail 'there is nothing to build from' 'restore the Dockerfile'
  {
    while IFS= read -r file; do
      if [ -x "$file" ]; then printf 'x %s\n' "$file"; else printf -- '- %s\n' "$file"; fi
    done <"$MCC_TMP/counted"
    tr '\n' '\0' <"$MCC_TMP/counted" | xargs -0 "${SHA256[@]}" -- || exit 1
  } >"$MCC_TMP/digests" || return 1
  "${SHA256[@]}" <"$MCC_TMP/digests" | cut -c 1-64
}

# archive_sources FILE: what context_digest has found, and what builds it; to FILE.
archive_sources() {
  need_tools tar gzip
  {
    cat "$MCC_TMP/context"
    # Regular files only, as above.
    find .dockerignore buildspec.yml 'do' deploy iam -type f -print0 2>/dev/null | LC_ALL=C tr '\n\0' '\001\n' | grep -Ev "$SECRETS"
  } | LC_ALL=C sort -u >"$MCC_TMP/all"
  only_plain_names <"$MCC_TMP/all" | sed 's|^|./|' >"$MCC_TMP/sources" || exit 1
  COPYFILE_DISABLE=1 tar -czf "$1" -T "$MCC_TMP/sources" || fail 'the sources could not be packed'
}

# accelerator_of TYPE: what an instance type computes with; nothing without a type.
accelerator_of() {
  case $1 in
    '') ;;
    ml.inf[0-9]* | ml.trn[0-9]*) printf 'neuron' ;;
    ml.g[0-9]* | ml.gr[0-9]* | ml.p[0-9]*) printf 'cuda' ;;
    *) printf 'cpu' ;;
  esac
}

# platform_of TYPE: of its processors; Graviton types have a g behind the generation.
platform_of() {
  if [[ $1 =~ ^ml\.[a-z]+[0-9]+g[a-z]*\. ]]; then printf 'linux/arm64'; else printf 'linux/amd64'; fi
}

# image_fits CONTEXT PLATFORM ACCELERATOR MAKER: the end of the script unless an image with these labels is of
# the files that are here now, and for every instance type that the settings and payloads name.
image_fits() {
  local now type
  now=$(context_digest) || exit 1
  if [ -z "$1" ]; then fail 'nothing shows what the image was built from' "run $4 again"; fi
  if [ "$1" != "$now" ]; then
    fail 'the image is out of date: the files it is built from have changed since' "run $4 again"
  fi
  if [ "$2" != "$PLATFORM" ]; then fail "the image is for $2, do/config says PLATFORM=$PLATFORM" "run $4 again"; fi
  while IFS= read -r type <&5; do
    if [ -n "$type" ] && [ "$2" != "$(platform_of "$type")" ]; then
      fail "the image is for $2, $type has $(platform_of "$type")" \
        "generate again: mcc generate --from . --project-dir . --update --instance-type $type; then build again"
    fi
    if [ -n "$type" ] && [ -n "$3" ] && [ "$3" != "$(accelerator_of "$type")" ]; then
      fail "the image was built for instances with $3, $type has $(accelerator_of "$type")" \
        "generate again: mcc generate --from . --project-dir . --update --instance-type $type; then build again"
    fi
  done 5< <(printf '%s\n' "$INSTANCE_TYPE"; jq -r '.. | objects | .InstanceType? | strings' deploy/*.json)
}
