# shellcheck shell=bash
# The image and what building it needs: ECR repository, roles, the bucket, CodeBuild.

# arn SERVICE THING: of this account and Region.
arn() { printf 'arn:%s:%s:%s:%s:%s' "$PARTITION" "$1" "$REGION" "$ACCOUNT_ID" "$2"; }
registry() { printf '%s.dkr.ecr.%s.%s' "$ACCOUNT_ID" "$REGION" "$DNS_SUFFIX"; }

# One bucket per account and region, shared by all projects; each writes below its own name.
# Sources are apart from the projects' data, below a name that no project can have: what runs in an endpoint
# may write data, and must never write what is built next.
SOURCES=_sources
bucket_name() { printf 'ml-container-creator-%s-%s' "$ACCOUNT_ID" "$REGION"; }

exists_ecr_repository() { aws_exists ecr describe-repositories --repository-names "$1"; }
owned_ecr_repository() {
  aws_call ecr list-tags-for-resource --resource-arn "$(arn ecr "repository/$1")" >"$MCC_TMP/tags.json" || return 4
  tagged "$MCC_TMP/tags.json" '.tags[]? | select(.Key == "mcc:project") | .Value'
}
remove_ecr_repository() { aws_delete ecr delete-repository --repository-name "$1" --force; }

# An image in a repository that this project did not create; the id is REPOSITORY:TAG. Images have no tags
# but of their own kind: what is ours is below our name.
exists_ecr_image() { aws_exists ecr describe-images --repository-name "${1%%:*}" --image-ids "imageTag=${1#*:}"; }
owned_ecr_image() { case ${1%%:*} in "$OWNER" | "$ECR_REPOSITORY") ;; *) return 1 ;; esac }
remove_ecr_image() { aws_delete ecr batch-delete-image --repository-name "${1%%:*}" --image-ids "imageTag=${1#*:}"; }

exists_iam_role() { aws_exists iam get-role --role-name "$1"; }
owned_iam_role() { tagged "$MCC_TMP/found.json" '.Role.Tags[]? | select(.Key == "mcc:project") | .Value'; }
# The policies go first, whatever the project was called when it put them there.
remove_iam_role() {
  local policy
  aws_call iam list-role-policies --role-name "$1" >"$MCC_TMP/policies.json" || return 4
  while IFS= read -r policy <&5; do
    aws_delete iam delete-role-policy --role-name "$1" --policy-name "$policy" || return 4
  done 5< <(jq -r '.PolicyNames[]' "$MCC_TMP/policies.json")
  aws_delete iam delete-role --role-name "$1"
}

exists_s3_bucket() { aws_exists s3api head-bucket --bucket "$1" --expected-bucket-owner "$ACCOUNT_ID"; }
owned_s3_bucket() { [ "$1" = "$(bucket_name)" ]; }
remove_s3_bucket() {
  if aws_try s3api delete-bucket --bucket "$1" --expected-bucket-owner "$ACCOUNT_ID" >/dev/null || aws_not_found; then return 0; fi
  if [ "$(aws_code)" = BucketNotEmpty ]; then
    info "  kept bucket $1: it holds results, or other projects use it"
    return 0
  fi
  aws_report 's3api delete-bucket'
  return 4
}

# One object, or all below s3://BUCKET/PREFIX/.
exists_s3_prefix() {
  local path=${1#s3://}
  aws_exists s3api list-objects-v2 --bucket "${path%%/*}" --prefix "${path#*/}" --max-items 1 || return 1
  [ "$(jq '.Contents // [] | length' "$MCC_TMP/found.json")" != 0 ]
}
# Below this project's own places, or one object at a place that the payloads name.
owned_s3_prefix() {
  local place
  case $1 in
    *//*//* | */../*) return 1 ;;
    "s3://$(bucket_name)/$OWNER/"* | "s3://$(bucket_name)/$SOURCES/$OWNER/"*) return 0 ;;
    */) return 1 ;;
  esac
  while IFS= read -r place <&5; do
    case $1 in "${place%/}/"*) return 0 ;; esac
  done 5< <(jq -r '.. | strings | select(startswith("s3://"))' deploy/*.json)
  return 1
}
remove_s3_prefix() {
  case $1 in
    */) aws_delete s3 rm "$1" --recursive --only-show-errors ;;
    # With --recursive the CLI would look below OBJECT/, and find nothing.
    *) aws_delete s3 rm "$1" --only-show-errors ;;
  esac
}

exists_codebuild_project() {
  aws_exists codebuild batch-get-projects --names "$1" || return 1
  [ "$(jq '.projects | length' "$MCC_TMP/found.json")" != 0 ]
}
owned_codebuild_project() { tagged "$MCC_TMP/found.json" '.projects[0].tags[]? | select(.key == "mcc:project") | .value'; }
remove_codebuild_project() { aws_delete codebuild delete-project --name "$1"; }

# A build that may still run.
exists_codebuild_build() {
  local state
  state=$(build_state "$1") || exit 4
  [ "$state" = IN_PROGRESS ]
}
owned_codebuild_build() { [ "${1%%:*}" = "$OWNER" ]; }
remove_codebuild_build() { aws_delete codebuild stop-build --id "$1"; }
build_state() {
  aws_call codebuild batch-get-builds --ids "$1" >"$MCC_TMP/build.json" || return 4
  jq -r '.builds[0].buildStatus // "MISSING"' "$MCC_TMP/build.json"
}

# ecr_login HOST REGION
ecr_login() {
  local REGION=$2 password
  password=$(aws_call ecr get-login-password)
  printf '%s' "$password" | docker login --username AWS --password-stdin "$1" >/dev/null
}

# ensure_repository: an existing one is used as it is; only a new one is ours to delete.
ensure_repository() {
  local request
  if exists_ecr_repository "$ECR_REPOSITORY"; then return 0; fi
  state_record ecr-repository "$ECR_REPOSITORY"
  request=$(payload create-repository .repositoryName="$ECR_REPOSITORY")
  aws_call_quiet ecr create-repository --cli-input-json "file://$request"
  info "created ECR repository $ECR_REPOSITORY"
}

# find_image TAG: sets IMAGE_DIGEST; 1 when the repository has no such tag.
IMAGE_DIGEST=''
find_image() {
  local media_type
  exists_ecr_image "$ECR_REPOSITORY:$1" || return 1
  read -r IMAGE_DIGEST media_type < <(jq -r '.imageDetails[0] | "\(.imageDigest) \(.imageManifestMediaType // "")"' \
    "$MCC_TMP/found.json")
  case $media_type in
    *index* | *manifest.list*)
      fail "image $1 was pushed as $media_type, which SageMaker does not start" \
        'build again with do/build: it turns provenance attestations off' ;;
  esac
}

# use_image TAG CONTEXT PLATFORM ACCELERATOR [ID]: what do/deploy deploys from now on, by digest, and what it was built from.
use_image() {
  case $IMAGE_DIGEST in
    sha256:*) ;;
    *) fail "ECR names no digest for $ECR_REPOSITORY:$1" ;;
  esac
  state_set image "$(registry)/$ECR_REPOSITORY@$IMAGE_DIGEST" image-tag "$1" image-context "$2" image-platform "$3" \
    image-accelerator "$4" image-id "${5:-}"
  info "image: $(registry)/$ECR_REPOSITORY:$1 ($IMAGE_DIGEST)"
}

# require_image: sets IMAGE to what do/push or do/submit made last, if it is of these files and for this machine.
IMAGE=''
require_image() {
  IMAGE=$(state_get image)
  if [ -z "$IMAGE" ]; then fail 'there is no image in ECR yet' 'run do/push or do/submit first'; fi
  case $IMAGE in
    "$(registry)/$ECR_REPOSITORY@"*) ;;
    *) fail "the image pushed last is $IMAGE, not in $(registry)/$ECR_REPOSITORY" "run $(image_maker) again" ;;
  esac
  image_fits "$(state_get image-context)" "$(state_get image-platform)" "$(state_get image-accelerator)" "$(image_maker)"
}
# What made the image that is used: only do/push knows the id of an image.
image_maker() { if [ -n "$(state_get image-id)" ]; then printf 'do/build and do/push'; else printf 'do/submit'; fi; }

# ensure_bucket: sets BUCKET. A bucket of that name in somebody else's account is never used.
BUCKET=''
ensure_bucket() {
  BUCKET=$(bucket_name)
  if exists_s3_bucket "$BUCKET"; then return 0; fi
  state_record s3-bucket "$BUCKET"
  if [ "$REGION" = us-east-1 ]; then
    aws_call_quiet s3api create-bucket --bucket "$BUCKET"
  else
    aws_call_quiet s3api create-bucket --bucket "$BUCKET" --create-bucket-configuration "LocationConstraint=$REGION"
  fi
  info "created bucket $BUCKET"
}

# ensure_role NAME DOCUMENT VARIABLE: the role with iam/DOCUMENT-trust.json and -policy.json, in which the account
# is filled in. Sets VARIABLE to its ARN. A new role is not known everywhere at once: calls that use it try again.
ensure_role() {
  local answer
  with_account "iam/$2-trust.json" >"$MCC_TMP/trust.json"
  with_account "iam/$2-policy.json" >"$MCC_TMP/policy.json"
  if claim iam-role "$1"; then
    answer=$(aws_call iam create-role --role-name "$1" --assume-role-policy-document "file://$MCC_TMP/trust.json" \
      --description "$PROJECT_NAME, made by do/" --tags file://deploy/tags.json)
    info "created role $1"
  else
    answer=$(aws_call iam get-role --role-name "$1")
    aws_call_quiet iam update-assume-role-policy --role-name "$1" --policy-document "file://$MCC_TMP/trust.json"
  fi
  answer=$(printf '%s' "$answer" | jq -r .Role.Arn)
  printf -v "$3" '%s' "$answer"
  aws_call_quiet iam put-role-policy --role-name "$1" --policy-name "$PROJECT_NAME" \
    --policy-document "file://$MCC_TMP/policy.json"
  aws_retry_on 'ssume role|AssumeRole|Could not access'
}
