"""try-mcp.py PROGRAM INDEX URL: calls every tool of `PROGRAM mcp`, and of the server at URL, with the Python library mcp, and times warm searches."""

import asyncio
import statistics
import sys
import time

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client


async def call(session, tool, arguments, fails=False):
    result = await session.call_tool(tool, arguments)
    assert result.is_error == fails or not (result.is_error or fails), (tool, arguments, result.content)
    return result


async def converse(session, name):
    await session.initialize()
    tools = [tool.name for tool in (await session.list_tools()).tools]
    found = await call(session, "search_photos", {"query": "dog on the beach", "top": 3, "thumbnails": True})
    photos = found.structured_content["photos"]
    assert len(photos) == 3 and sum(c.type == "image" for c in found.content) == 3, found.content
    photo = photos[0]["id"]
    await call(session, "find_similar", {"id": photo})
    assert any(c.type == "image" for c in (await call(session, "get_photo", {"id": photo})).content)
    await call(session, "list_facets", {"by": "type"})
    await call(session, "index_status", {})
    await call(session, "search_photos", {"rating": "many"}, fails=True)
    assert (await session.read_resource("photo://" + photo)).contents[0].blob
    times = []
    for n in range(60):
        query = f"{['dog', 'cat', 'boat', 'tree', 'child', 'car'][n % 6]} in the {['rain', 'sun', 'snow', 'city', 'park', 'sea', 'wood', 'night', 'street', 'field'][n // 6]}"
        begin = time.perf_counter()
        await call(session, "search_photos", {"query": query})
        times.append((time.perf_counter() - begin) * 1000)
    print(f"{name}: {', '.join(tools)}; search_photos with new queries: median {statistics.median(times):.1f} ms of {len(times)}")


async def main(program, index, url):
    async with stdio_client(StdioServerParameters(command=program, args=["mcp", "--index", index])) as streams:
        async with ClientSession(*streams[:2]) as session:
            await converse(session, "pipes")
    async with streamable_http_client(url) as streams:
        async with ClientSession(*streams[:2]) as session:
            await converse(session, "http")


asyncio.run(main(*sys.argv[1:]))
