"""The registry supply: pulled and downloaded at pinned digests."""
