"""The domain of sign-in, pure: messages, the policy they meet, tokens and their keys."""
