"""What an audit says, for people and for programs. Pure: an Audit in, text out."""
