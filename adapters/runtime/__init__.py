"""Where cargos run: the contract every runtime keeps, and one package per runtime."""
