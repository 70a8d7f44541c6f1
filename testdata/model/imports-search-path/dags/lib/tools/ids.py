ID = "from_tools"
