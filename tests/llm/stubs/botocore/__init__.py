"""A stand-in for botocore: S3 is a folder, Secrets Manager a file. `STUB_AWS` names the folder of both."""
