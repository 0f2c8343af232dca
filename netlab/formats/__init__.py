"""TEXT to WORDS: the lab file, and what users export from AWS, CloudFormation and Terraform."""
