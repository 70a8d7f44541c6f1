NAME = "in_subfolder"
