"""A model of a 1C base that exchanges files as the real configurations do."""
