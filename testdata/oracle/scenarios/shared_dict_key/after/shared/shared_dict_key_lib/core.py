SETTINGS = {"name": "t"}
