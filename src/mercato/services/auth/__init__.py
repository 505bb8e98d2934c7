"""Auth: sign-in with a wallet, sessions and their tokens.

owns: nonces, sessions, signing keys · serves: AuthService · consumes: wallets.events wallet.unlinked ·
publishes: auth.events user.logged_in; Redis session:ended · stores: auth_db auth_nonces, sessions, refresh_tokens,
login_events, signing_keys; Redis siwe:nonce:{nonce}, session:blacklist:{session}, rate:auth:{kind}:{value}
"""
