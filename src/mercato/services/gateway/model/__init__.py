"""What the API shows and its pure rules: entities, events, node ids, limits, the steps of an intent."""
