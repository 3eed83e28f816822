"""Flows of the directories: parties and products on both sides."""
