"""Reads a takeout with nothing but Python's standard library: checks its hashes, counts pictures and tags. Prints JSON."""
import hashlib
import json
import sys
import zipfile

archive = zipfile.ZipFile(sys.argv[1])
root = archive.namelist()[0].split("/")[0] + "/"
manifest = archive.read(root + "manifest-sha256.txt").decode().splitlines()
listed = set()
for line in manifest:
    digest, name = line.split("  ", 1)
    listed.add(root + name)
    found = hashlib.sha256(archive.read(root + name)).hexdigest()
    if found != digest:
        sys.exit(f"{name}: the manifest says {digest}, but it has {found}")
unlisted = [name for name in archive.namelist() if name.startswith(root + "data/") and name not in listed]
if unlisted:
    sys.exit(f"not in the manifest: {unlisted}")

projects = {}
for name in sorted(listed):
    if name.endswith(".jsonl"):
        lines = [json.loads(line) for line in archive.read(name).decode().splitlines()]
        folder, _, file = name.partition("/projects/")[2].partition("/")
        if file.startswith("images-"):
            images = projects.setdefault(folder, {"pictures": 0, "tags": {}})
            for image in lines:
                archive.getinfo(f"{root}data/projects/{folder}/{image['file']}")
                if not image["inWorkspace"]:  # deleted, but an iteration learned from it
                    continue
                images["pictures"] += 1
                for tag in image["tags"]:
                    images["tags"][tag["name"]] = images["tags"].get(tag["name"], 0) + 1
print(json.dumps({"files": len(listed), "projects": projects}))
