"""The endpoints that come with the bridge, made as any plugin's."""
