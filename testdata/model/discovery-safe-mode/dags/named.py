from factory.make import make

made = make("named")
