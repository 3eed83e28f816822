"""Rehearsal grounds: a Bitrix24 portal and a model of a 1C base, on this machine only."""
