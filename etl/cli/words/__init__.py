"""What the command line says about the data of `etl.commands`: Russian, the last line says what to do."""
