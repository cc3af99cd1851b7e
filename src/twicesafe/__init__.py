"""Make any AWS Lambda function safe to run twice."""
