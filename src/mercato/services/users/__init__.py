"""Users: who the people are, by the address they first signed in with, and what they say of themselves.

owns: users, profiles, handles · serves: UsersService · consumes: auth.events user.logged_in · publishes: – ·
stores: user_db users, profiles, held_handles
"""
