"""`python -m etl` is the console script `obmen24`."""

from etl.cli.main import main

if __name__ == "__main__":
    main()
