NAME = 'a
