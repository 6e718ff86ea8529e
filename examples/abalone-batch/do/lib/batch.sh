# shellcheck shell=bash
# The transform job: its input, its life, its results.

# A job cannot be deleted, only stopped: what is recorded is a job that may still run.
exists_transform_job() {
  local state
  state=$(job_state "$1") || exit 4
  [ "$state" != Missing ]
}
owned_transform_job() { sagemaker_owned "transform-job/$1"; }
remove_transform_job() {
  local state
  state=$(job_state "$1") || return 4
  if [ "$state" = InProgress ]; then
    if ! aws_try sagemaker stop-transform-job --transform-job-name "$1" >/dev/null && ! aws_not_found &&
      ! grep -q 'in status' "$MCC_TMP/aws-error"; then
      aws_report 'sagemaker stop-transform-job'
      return 4
    fi
  fi
  wait_while 'InProgress|Stopping' "transform job $1" 1800 job_state "$1"
}

# Prints TransformJobStatus, or Missing; the description is then in $MCC_TMP/job.json.
job_state() {
  if aws_try sagemaker describe-transform-job --transform-job-name "$1" >"$MCC_TMP/job.json"; then
    jq -r .TransformJobStatus "$MCC_TMP/job.json"
  elif aws_not_found; then
    printf 'Missing'
  else
    aws_report 'sagemaker describe-transform-job'
    return 4
  fi
}
job_field() { jq -r "$1 // \"\"" "$MCC_TMP/job.json"; }

# job_setting JQ_PATH: what deploy/create-transform-job.json says, with the account filled in.
job_setting() {
  if [ ! -s "$MCC_TMP/create-transform-job.json" ]; then payload create-transform-job >/dev/null; fi
  jq -r "$1 // \"\"" "$MCC_TMP/create-transform-job.json"
}

# choose_sample: sets SAMPLE to the test payload that is the job's input, when no input path was given.
SAMPLE=''
choose_sample() {
  local type candidate
  [ "$BATCH_SAMPLE" = true ] || return 0
  type=$(job_setting .TransformInput.ContentType)
  for candidate in "$TEST_PAYLOAD" test/payload.*; do
    if [ -s "$candidate" ] && [ "$(content_type_of "$candidate")" = "$type" ]; then
      SAMPLE=$candidate
      return 0
    fi
  done
  fail "there is no sample of $type in test/" "write ${TEST_PAYLOAD:-test/payload.json}, or name an input of your own: \
mcc generate --from . --project-dir . --update --batch-input-path s3://BUCKET/PREFIX"
}

# upload_sample: what choose_sample has chosen.
upload_sample() {
  local type split input file=$SAMPLE
  [ -n "$file" ] || return 0
  type=$(job_setting .TransformInput.ContentType)
  split=$(job_setting .TransformInput.SplitType)
  input=$(job_setting .TransformInput.DataSource.S3DataSource.S3Uri)
  cp "$file" "$MCC_TMP/${file##*/}"
  # A record is one line, however the sample is laid out.
  if [ "$split" = Line ] && jq empty "$file" >/dev/null 2>&1; then jq -c . "$file" >"$MCC_TMP/${file##*/}"; fi
  state_record s3-prefix "${input%/}/"
  # Somebody else's place may hold more than our results.
  case $(output_prefix) in "s3://$(bucket_name)/$PROJECT_NAME/"*) state_record s3-prefix "$(output_prefix)" ;; esac
  aws_call s3 cp "$MCC_TMP/${file##*/}" "${input%/}/${file##*/}" --content-type "$type" --only-show-errors
  info "uploaded $file to ${input%/}/"
}

output_prefix() {
  local output
  output=$(job_setting .TransformOutput.S3OutputPath)
  printf '%s/' "${output%/}"
}

# choose_job DEPLOYMENT: sets JOB to this deployment's job. A job that failed keeps its name for
# ever, so the next attempt gets another one.
JOB=''
choose_job() {
  local attempt=1 state
  JOB=$1
  state=$(job_state "$JOB") || return 4
  while [ "$state" = Failed ] || [ "$state" = Stopped ] || [ "$state" = Stopping ]; do
    attempt=$((attempt + 1))
    JOB="$1-$attempt"
    state=$(job_state "$JOB") || return 4
  done
}

# start_job MODEL: starts JOB, or finds it started by an interrupted run.
start_job() {
  local request
  if claim transform-job "$JOB"; then
    request=$(payload create-transform-job .TransformJobName="$JOB" .ModelName="$1")
    aws_call_quiet sagemaker create-transform-job --cli-input-json "file://$request"
    info "started transform job $JOB"
  else
    info "transform job $JOB was started before"
  fi
  state_set job "$JOB"
}

# finish_job: waits for JOB; what is over needs no cleaning.
finish_job() {
  wait_while 'InProgress|Stopping' "transform job $JOB" "$BATCH_WAIT_SECONDS" job_state "$JOB"
  state_forget transform-job "$JOB"
  if [ "$WAIT_STATE" = Completed ]; then return 0; fi
  show_log /aws/sagemaker/TransformJobs 6h
  printf '  %s\n' "$(job_field .FailureReason)" | printable >&2
  fail "transform job $JOB ended as $WAIT_STATE" 'fix the cause (do/logs) and run do/deploy again, or do/clean'
}

# find_result: sets RESULT to the S3 URI of one result file; 1 when there is none.
RESULT=''
find_result() {
  local output path
  output=$(output_prefix)
  path=${output#s3://}
  aws_call s3api list-objects-v2 --bucket "${path%%/*}" --prefix "${path#*/}" >"$MCC_TMP/results.json" || exit 4
  RESULT=$(jq -r '[.Contents[]?.Key | select(endswith(".out"))][0] // ""' "$MCC_TMP/results.json")
  [ -n "$RESULT" ] || return 1
  RESULT="s3://${path%%/*}/$RESULT"
}
