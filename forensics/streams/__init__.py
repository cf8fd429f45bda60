"""Datagrams to RTP and RTCP streams: found without signalling, unwrapped, timed, each packet with its fate."""

from forensics.streams.finding import StreamSet, find_streams

__all__ = ["StreamSet", "find_streams"]
