SETTINGS = {"table": "t"}
