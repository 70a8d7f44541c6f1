TEAM = "sales"
DAG_ID = f"{TEAM}-daily"
LOAD = "load_" + TEAM
