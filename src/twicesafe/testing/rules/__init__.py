"""The contract's tests, by what they are about; each is named as the rule that it checks."""
